"""Sentences of a text that say what follows from what, and a library that is filled with them."""

import re
from collections import Counter
from collections.abc import Sequence

import yaml

from litho.core.errors import LithoError
from litho.core.records import Record
from litho.text.sentences import sentences
from litho.text.trails.library import UNSEEN

# Of each form two words must be left for the test, of which every third is kept.
FEWEST = 2 * UNSEEN
LONGEST = 80  # characters of a part

_CONDITION = r"if|whenever|when|once|as soon as|as long as"
_REASON = r"because|since"
_PART = r"[^,;:.!?]+"
# What the sentence says first, and the order of its parts.
_PATTERNS = (
    ("condition", re.compile(rf"(?P<word>{_CONDITION}) (?P<a>{_PART}), (?:then )?(?P<b>{_PART})")),
    ("condition", re.compile(rf"(?P<b>{_PART}?),? (?P<word>{_CONDITION}) (?P<a>{_PART})")),
    ("exception", re.compile(rf"(?P<word>unless) (?P<a>{_PART}), (?P<b>{_PART})")),
    ("exception", re.compile(rf"(?P<b>{_PART}?),? (?P<word>unless) (?P<a>{_PART})")),
    ("reason", re.compile(rf"(?P<word>{_REASON}) (?P<a>{_PART}), (?P<b>{_PART})")),
    ("reason", re.compile(rf"(?P<b>{_PART}?),? (?P<word>{_REASON}) (?P<a>{_PART})")),
    ("contrast", re.compile(rf"(?P<word>although|though|while) (?P<a>{_PART}), (?P<b>{_PART})")),
)
_SECOND = re.compile(r"(?P<word>therefore|so|thus|hence|however|but|yet),? (?P<b>.+)")
_CONCLUDING = {"therefore", "so", "thus", "hence"}
# Words that begin with a capital only where a sentence begins.
_PLAIN = re.compile(
    r"(?:the|an?|it|they|we|he|she|you|this|these|there|one|every|no|all|some|any|therefore|so|thus"
    rf"|hence|however|but|yet|unless|although|though|while|{_CONDITION}|{_REASON})\b",
    re.IGNORECASE,
)


class Candidate(Record):
    """What follows from what, and where the text says so."""

    sentence: str
    kind: str  # condition, exception, reason, contrast or conclusion
    connective: str
    given: str  # the condition or reason, or what stands against it
    follows: str


class Candidates(Record):
    """What `--json` of `litho trails find` holds."""

    text_name: str
    candidates: tuple[Candidate, ...]


def candidates(text: str) -> list[Candidate]:
    """The sentences of an English text that say what follows from what, in their order.

    They are recognised by a connective and one comma at most; longer ones are left out. A sentence
    that begins with *therefore*, *so*, *but* and the like goes with the one before.
    """
    found, before = list[Candidate](), ""
    for sentence in sentences(text):
        bare = _without_capital(sentence)
        one = _alone(sentence, bare) or (_with(before, sentence, bare) if before else None)
        found += [one] if one else []
        before = sentence
    return found


def _without_capital(sentence: str) -> str:
    bare = sentence.strip().rstrip(".!")
    return bare[:1].lower() + bare[1:] if _PLAIN.match(bare) else bare


def _alone(sentence: str, bare: str) -> Candidate | None:
    for kind, pattern in _PATTERNS:
        if found := pattern.fullmatch(bare):
            given, follows = found["a"].strip(), found["b"].strip()
            return Candidate(
                sentence=sentence,
                kind=kind,
                connective=found["word"],
                given=given,
                follows=follows,
            )
    return None


def _with(before: str, sentence: str, bare: str) -> Candidate | None:
    if not (found := _SECOND.fullmatch(bare)):
        return None
    return Candidate(
        sentence=f"{before} {sentence}",
        kind="conclusion" if found["word"] in _CONCLUDING else "contrast",
        connective=found["word"],
        given=_without_capital(before),
        follows=found["b"],
    )


def library_of(found: Sequence[Candidate], source: str) -> str:
    """A library, as YAML, whose chains are filled with the conditions of a text.

    What follows is taken from the sentences in which it begins with the same word, the commonest
    (*the*), so that answers begin to differ where they are asked. Raises LithoError if these are
    too few.
    """
    said = [each for each in found if each.kind in ("condition", "reason")]
    said = [each for each in said if max(len(each.given), len(each.follows)) <= LONGEST]
    said = [each for each in said if not set("{}") & set(each.given + each.follows)]
    begins = Counter(each.follows.split()[0] for each in said if " " in each.follows)
    first = begins.most_common(1)[0][0] if begins else ""
    given = list(dict.fromkeys(each.given for each in said))
    follows = list(
        dict.fromkeys(
            each.follows[len(first) + 1 :] for each in said if each.follows.split()[0] == first
        )
    )
    if min(len(given), len(follows)) < FEWEST:
        raise LithoError(
            f"{source} says what follows from what in {len(given)} sentences that can be used, in "
            f"{len(follows)} of them beginning with the same word, but a library needs {FEWEST}: "
            "give a longer text, or write a library with 'litho trails init'"
        )
    library = {
        "words": {"given": {"real": given}, "follows": {"real": follows}},
        "connectives": ["if", "whenever", "therefore", "hence", "so", "either", "or", "not"],
        "forms": [_ponens(first), _either(first)],
    }
    written = yaml.safe_dump(library, sort_keys=False, allow_unicode=True, width=1000)
    return f"# Chains of reasoning with the conditions of {source}.\n\n{written}"


def _ponens(first: str) -> dict[str, object]:
    return {
        "form": "what follows",
        "slots": {"A": "follows", "B": "follows", "p": "given", "q": "given"},
        "answers": ["A", "B"],
        "truth": {"rules": ["p -> A", "q -> B"], "facts": ["p", "q"], "never": ["p and q"]},
        "wordings": [
            {
                "rules": [f"If {{p}}, {first} {{A}}.", f"If {{q}}, {first} {{B}}."],
                "facts": ["It is so that {p}.", "It is so that {q}."],
                "ask": f"Therefore {first}",
            },
            {
                "rules": [f"Whenever {{p}}, {first} {{A}}.", f"Whenever {{q}}, {first} {{B}}."],
                "facts": ["Today {p}.", "Today {q}."],
                "ask": f"So {first}",
            },
            {
                "held_out": True,
                "rules": [
                    f"Suppose that {{p}}: then {first} {{A}}.",
                    f"Suppose that {{q}}: then {first} {{B}}.",
                ],
                "facts": ["We see that {p}.", "We see that {q}."],
                "ask": f"It follows that {first}",
            },
        ],
        "near_misses": [
            {
                "name": "denied",
                "facts": ["It is not so that {p}.", "It is not so that {q}."],
                "truth": ["not p", "not q"],
            }
        ],
    }


def _either(first: str) -> dict[str, object]:
    return {
        "form": "either or",
        "slots": {"A": "follows", "B": "follows"},
        "answers": ["A", "B"],
        "truth": {"rules": ["A or B"], "facts": ["not B", "not A"]},
        "wordings": [
            {
                "rules": [f"Either {first} {{A}} or {first} {{B}}."],
                "facts": [f"It is not so that {first} {{B}}.", f"It is not so that {first} {{A}}."],
                "ask": f"Therefore {first}",
            },
            {
                "held_out": True,
                "rules": [f"One of these is true: {first} {{A}}, or {first} {{B}}."],
                "facts": [f"It is false that {first} {{B}}.", f"It is false that {first} {{A}}."],
                "ask": f"So it must be true that {first}",
            },
        ],
    }
