"""What a tokenizer makes of a text before it cuts it up, and what it cannot read.

Some tokenizers compose accents, fold letters, take accents off or squeeze white space (NFC, NFKC,
BERT's and others): the model then reads the text so, and nothing is lost but that. Others have no
token for some characters.
"""

import unicodedata
from collections.abc import Iterator

from litho.model.loaded import LanguageModel

_SPACE = "▁"  # as sentencepiece writes it
_SHOWN = 3  # examples


def gives_back(model: LanguageModel, text: str) -> bool:
    """Whether the tokens of a text say it, as the tokenizer normalises it; white space aside."""
    said = model.decode(model.tokens(text))
    return said == text or _letters(model, said) == _letters(model, text)


def unread(model: LanguageModel, text: str) -> list[str]:
    """Characters or words of a text for which the model has no token, each once."""
    unknown = model.tokenizer.unk_token_id
    ids = model.tokens(text)
    if unknown is not None and unknown in ids:
        spans = zip(ids, model.spans(text), strict=True)
        return list(dict.fromkeys(text[a:b].strip() for token, (a, b) in spans if token == unknown))
    if gives_back(model, text):
        return []
    said = _letters(model, model.decode(ids))
    return [char for char in dict.fromkeys(_letters(model, text)) if char not in said]


def normalised(model: LanguageModel, text: str) -> list[str]:
    """What the tokenizer changes in a text, such as `'A' to 'a'`; empty: nothing."""
    said = model.decode(model.tokens(text))
    if said in (text, f" {text}"):
        return []
    changed = [
        f"{shown(cluster)} to {shown(new)}"
        for cluster in dict.fromkeys(_clusters(text))
        if (new := _letters(model, cluster)) != cluster
    ]
    if not changed:
        same = "".join(said.split()) == "".join(text.split())
        changed = ["white space"] if same else ["characters that go together"]
    more = [f"{len(changed) - _SHOWN} more"] if len(changed) > _SHOWN else []
    return [*changed[:_SHOWN], *more]


def shown(characters: str) -> str:
    """Characters in quotes, with their numbers where they might look like others."""
    numbers = " ".join(f"U+{ord(char):04X}" for char in characters)
    return repr(characters) + (
        "" if characters.isascii() or len(characters) > 4 else f" ({numbers})"
    )


def _letters(model: LanguageModel, text: str) -> str:
    """A text as the tokenizer normalises it, without white space."""
    normalizer = model.tokenizer.backend_tokenizer.normalizer
    normal = text if normalizer is None else normalizer.normalize_str(text)
    return "".join(normal.replace(_SPACE, " ").split())


def _clusters(text: str) -> Iterator[str]:
    """Characters with the marks behind them; white space is left out."""
    cluster = ""
    for char in text:
        if cluster and unicodedata.category(char).startswith("M"):
            cluster += char
            continue
        if cluster.strip():
            yield cluster
        cluster = char
    if cluster.strip():
        yield cluster
