"""The presentation markup: reading, writing, and what it brings forth."""

import random
import re
from itertools import islice, permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litho.core.errors import LithoError
from litho.text.markup import (
    HIGHLIGHTS,
    Content,
    Document,
    Kind,
    Mark,
    brackets_notice,
    expand,
    expansions,
    has_marks,
    marks_notice,
    parse,
    plain,
    write,
)

PAGE = Path(__file__).parents[2] / "docs" / "markup.md"
MILL = r"""The mill of [[= place: Arden]] was [[built | raised]] by [[! Jonas Weir]] in 1874.
[[~ It ground rye [[? for [[$ count: 12 | twelve]] villages]]. | Its wheel came from [[= Keld]].]]
[[> It stands today.]] It fed [[$ count]] villages; `a[b[0]]` and {"k": [1]} stay.
"""


def texts(source: str) -> set[str]:
    return {found.text for found in expansions(parse(source))}


def one(kind: Kind, *parts: str, name: str = "") -> Document:
    return Document((Mark(kind, tuple((part,) for part in parts), name),))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\tspace  stays \n\n",
        '{"a": [1, [2, 3]], "b": {"c": []}}',
        "x = a[b[0]] | c; y = [ []]",
        "[one](two) [x] ]] ]]] | ~ $ ! = ? >",
        "C:\\path\\[x] \\\\server \\n \\| \\]] \\",
    ],
)
def test_plain_text_means_itself(text: str) -> None:
    document = parse(text)
    assert plain(document) == write(document) == expand(document, 3).text == text
    assert [found.text for found in expansions(document)] == [text]
    assert not has_marks(document)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"if \[[ -f x ]]", "if [[ -f x ]]"),
        (r"\\\[[x", r"\[[x"),
        (r"\\[[a | b]]", r"\a"),
        (r"\[[[1], [2]]", "[[[1], [2]]"),
        ("[[[a | b]]]", "[a]"),
        ("[[[[a | b]] | c]]", "a"),
        (r"[[a|b \| c \]] \[[ \\ \: \d | x]]", r"a|b | c ]] [[ \ : \d"),
        ("[[ = x | y]]", "= x"),
        ("[[= Time\\: now]]", "Time: now"),
        ("[[a[1] | b]]", "a[1]"),
    ],
)
def test_escapes_and_brackets(source: str, text: str) -> None:
    document = parse(source)
    assert plain(document) == text
    assert parse(write(document)) == document


@pytest.mark.parametrize(
    ("source", "document"),
    [
        ("[[= Keld]]", one(Kind.ANCHOR, "Keld")),
        ("[[=town-1:\n Keld ]]", one(Kind.ANCHOR, "Keld", name="town-1")),
        ("[[= 10:30]]", one(Kind.ANCHOR, "10:30")),
        ("[[!Keld]]", one(Kind.HIGHLIGHT, "Keld")),
        ("[[red\n| dark  red]]", one(Kind.ALTERNATIVES, "red", "dark  red")),
        ("[[? or so]]", one(Kind.OPTIONAL, "or so")),
        ("[[~ A. | B. | C.]]", one(Kind.ORDER, "A.", "B.", "C.")),
        ("[[> So it was.]]", one(Kind.SUMMARY, "So it was.")),
        ("[[$ n: 1]]", one(Kind.SLOT, "1", name="n")),
    ],
)
def test_every_kind_of_mark(source: str, document: Document) -> None:
    assert parse(source) == document
    assert has_marks(document)


def test_marks_nest() -> None:
    inner = Mark(Kind.ALTERNATIVES, (("red",), ("blue",)))
    tail = Mark(Kind.OPTIONAL, ((", ", inner),))
    assert parse("[[~ A[[? , [[red | blue]]]]. | B.]]").content == (
        Mark(Kind.ORDER, (("A", tail, "."), ("B.",))),
    )


def test_the_formatter_changes_spacing_inside_marks_only() -> None:
    source = "  a   [[=  town:  Keld  ]]\n\n [[  red |\n  blue]]   b [[$n : 1|2]] \n"
    tidy = "  a   [[= town: Keld]]\n\n [[red | blue]]   b [[$ n: 1|2]] \n"
    assert write(parse(source)) == tidy
    assert write(parse(tidy)) == tidy
    assert write(parse(MILL)) == MILL


NOTES = [
    "See [[Some page]], [[page#part|words]] and ![[image.png]].",
    "| [[a\\|b]] | [[c]] |\n> [!note] {{template}} {{x[[1]]}}",
    "a = [[1, 2], [3, 4]]; b = [[]]; c = x[[i]][[~mask]]",
    "if [[ -f a || -n b ]]; then [[nodiscard]] --[[ a comment ]] x",
    r"$\left[[0, 1]\right]$ and $[[a,b]$ [[:alpha:]_]",
    "[[ a [[ b [[c]] ]] d [[",
]


@pytest.mark.parametrize("text", NOTES)
def test_brackets_with_one_part_are_plain_text(text: str) -> None:
    document = parse(text)
    assert not has_marks(document) and plain(document) == text
    assert parse(write(document)) == document
    [notice] = brackets_notice(text)
    assert f"{text.count('[[')} times [[ begins no mark" in notice
    assert marks_notice(text) == []


def test_marks_stand_beside_and_inside_plain_brackets() -> None:
    source = "[[Keld]] and [[see [[red | blue]] [[x]] here]] [[a [[b]] | c\\|d]]"
    document = parse(source)
    assert plain(document) == "[[Keld]] and [[see red [[x]] here]] a [[b]]"
    assert parse(write(document)) == document
    [notice] = brackets_notice(source)
    assert notice.startswith("4 times [[ begins no mark, first at line 1, column 1 ('[[Keld]]")
    [notice] = marks_notice(source)
    assert "line 1, column 20" in notice and "--marks" in notice
    assert brackets_notice("A [[red | blue]] door.") == marks_notice("[[$ n]]") == []


ERRORS = [
    ("[[a | b", 1, "never closed"),
    ("[[a | b]", 1, "never closed"),
    ("[[~ a | [[b | c] | d]]", 1, "never closed"),
    ("[[= name:  ]]", 1, "is empty"),
    ("[[?]]", 1, "is empty"),
    ("[[a | | b]]", 1, "a part of this mark is empty"),
    ("[[| a | b]]", 1, "a part of this mark is empty"),
    ("[[~| a | b]]", 1, "a part of this mark is empty"),
    ("[[a | b |]]", 1, "a part of this mark is empty"),
    ("[[$ n: 1 | ]]", 1, "a part of this mark is empty"),
    ("[[!= | ==]]", 1, "has one part"),
    ("[[? a | b]]", 1, "has one part"),
    ("[[= a | b]]", 1, "has one part"),
    ("[[> a | b]]", 1, "has one part"),
    ("[[$ ]]", 1, "needs a name"),
    ("[[$ : a | b]]", 1, "needs a name"),
    ("[[$ two words]]", 1, "needs a name"),
    ("[[$ n:a | b]]", 1, "needs a name"),
    ("[[$ n]]", 1, "no values"),
    ("[[$ n: ]]", 1, "no values"),
    ("[[$ n: a | b]][[$ n: b | a]]", 15, "other values"),
    ("[[= [[a | b]]]]", 1, "no mark can stand inside"),
    ("[[$ n: [[a | b]] | c]]", 1, "no mark can stand inside"),
    ("[[? [[= Keld]]]]", 5, "missing from some presentations"),
    ("[[[[= Keld]] | town]]", 3, "missing from some presentations"),
    ("[" * 200, 101, "more than 50 marks"),
]


@pytest.mark.parametrize(("source", "column", "message"), ERRORS)
def test_errors_say_where_and_what(source: str, column: int, message: str) -> None:
    with pytest.raises(LithoError, match=rf"^line 1, column {column}: .*{message}"):
        parse(source)
    with pytest.raises(LithoError, match=rf"^line 3, column {column + 2}: .*{message}"):
        parse("One.\n[[a | b]]\nö " + source)


def test_marks_built_in_code_are_checked_too() -> None:
    with pytest.raises(LithoError, match=r"^this mark has only one part"):
        one(Kind.ORDER, "a")
    with pytest.raises(LithoError, match=r"^'x y' cannot be a name"):
        one(Kind.ANCHOR, "a", name="x y")
    with pytest.raises(LithoError, match=r"^'x' cannot be a name"):
        one(Kind.OPTIONAL, "a", name="x")
    with pytest.raises(LithoError, match=r"^this slot has no values"):
        one(Kind.SLOT, name="n")


SCRAPS = [*"[]|\\:=!?~>$ \nab", "[[", "]]", " | ", "\\[[", "note: ", "[|", "||", "é", "(1, 2)"]
KINDS = list(Kind)


def random_text(chance: random.Random) -> str:
    return "".join(chance.choices(SCRAPS, k=chance.randrange(6)))


def random_words(chance: random.Random) -> Content:
    return (f"{random_text(chance)}{chance.choice('x]|[:')}{random_text(chance)}",)


def random_content(chance: random.Random, depth: int) -> Content:
    pieces: list[str | Mark] = [random_text(chance) for _ in range(chance.randrange(3))]
    for _ in range(chance.randrange(3) if depth else 0):
        pieces.insert(chance.randrange(len(pieces) + 1), random_mark(chance, depth - 1))
    return (*pieces, *random_words(chance)) if chance.random() < 0.5 or not pieces else (*pieces,)


def random_mark(chance: random.Random, depth: int) -> Mark:
    kind = chance.choice(KINDS)
    name = chance.choice(("", "note", "n-1")) if kind is Kind.ANCHOR else ""
    if kind is Kind.SLOT:
        name = chance.choice(("n", "town", "größe"))
        parts: list[Content] = [(f"{name} {n}]",) for n in range(chance.choice((0, len(name))))]
    elif kind is Kind.ANCHOR:
        parts = [random_words(chance)]
    else:
        count = chance.choice((2, 3)) if kind in (Kind.ALTERNATIVES, Kind.ORDER) else 1
        parts = [(*random_content(chance, depth), "x", random_text(chance)) for _ in range(count)]
    return Mark(kind, tuple(parts), name)


def random_documents(number: int) -> list[Document]:
    found: list[Document] = []
    seed = 0
    while len(found) < number:
        seed += 1
        content = random_content(random.Random(seed), 3)
        # Not every tree makes sense: an anchor may be missing, a slot may have no values.
        try:
            found.append(Document(content))
        except LithoError:
            continue
    return found


def test_random_documents_survive_writing() -> None:
    documents = random_documents(600)
    assert sum(map(has_marks, documents)) > 200
    for document in documents:
        source = write(document)
        assert parse(source) == document, source
        assert write(parse(source)) == source


def test_random_source_is_read_alike_after_formatting_or_refused() -> None:
    chance = random.Random(5)
    read = 0
    for _ in range(8000):
        source = "".join(chance.choices([*SCRAPS, "[[a | ", "[[? ", "b]]"], k=chance.randrange(9)))
        try:
            document = parse(source)
        except LithoError as error:
            assert re.match(r"line \d+, column \d+: ", str(error))
            continue
        read += has_marks(document)
        assert parse(write(document)) == document, source
        assert write(parse(write(document))) == write(document)
    assert read > 80


def test_positions_take_no_part_in_equality() -> None:
    first, second = parse("[[? a]]").content[0], parse("\n [[? a]]").content[1]
    assert isinstance(first, Mark) and isinstance(second, Mark)
    assert first == second and hash(first) == hash(second)
    assert (first.position, second.position) == ((1, 1), (2, 2))


def test_plain_is_the_first_of_everything() -> None:
    assert plain(parse(MILL)) == (
        "The mill of Arden was built by Jonas Weir in 1874.\n"
        "It ground rye for 12 villages. Its wheel came from Keld.\n"
        'It stands today. It fed 12 villages; `a[b[0]]` and {"k": [1]} stay.\n'
    )


def test_a_seed_gives_the_same_presentation() -> None:
    document = parse(MILL)
    by_seed = [expand(document, seed) for seed in range(40)]
    assert by_seed == [expand(parse(MILL), seed) for seed in range(40)]
    assert len({found.text for found in by_seed}) > 20
    # Later versions of Litho must give it too.
    assert expand(parse("[[~ 1 | 2 | 3 | 4 | 5]]"), 7).text == "4 5 3 2 1"
    distinct = list(islice(expansions(document), 50))
    assert distinct[0] == by_seed[0]
    assert len({found.text for found in distinct}) == 50


def test_expansions_are_all_there_is() -> None:
    assert texts("[[red | crimson | scarlet]] [[a | b]]") == {
        f"{colour} {letter}" for colour in ("red", "crimson", "scarlet") for letter in "ab"
    }
    assert texts("[[~ 1 | 2 | 3 | 4]]") == {" ".join(order) for order in permutations("1234")}
    assert texts("[[! a]]") == {"a", *(f"{left}a{right}" for left, right in HIGHLIGHTS)}
    assert texts("x [[! [[? a]]]]") == {"x"} | {f"x {text}" for text in texts("[[! a]]")}
    assert texts("A. [[> B.]] [[> C.]]\n") == {
        f"A. B. C.{again}\n" for again in ("", " B.", " C.", " B. C.")
    }
    assert texts("[[$ n]]-[[$ n: 1 | 2]]-[[$ m: 1 | 2]]") == {"1-1-1", "1-1-2", "2-2-1", "2-2-2"}
    assert texts("[[same | same]]") == {"same"}
    assert texts("[[> [[a | b]]]]") == {"a", "b", "a a", "b b"}
    assert texts("[[a[[? b]] | c]]") == {"a", "ab", "c"}


@pytest.mark.parametrize(
    ("source", "dropped"),
    [
        ("A mill [[? of stone]].", "A mill."),
        ("A mill [[? of stone]], here", "A mill, here"),
        ("A [[? big]] mill", "A mill"),
        ("A[[? big]] mill", "A mill"),
        ("A [[? big]]mill", "A mill"),
        ("A [[? big]] .mill", "A .mill"),
        ("[[? Once]] a mill", "a mill"),
        ("A mill. [[? It stands.]]", "A mill."),
        ("A mill. [[? It stands.]]\n", "A mill.\n"),
        ("One.\n\n[[? Two.]]\n\nThree.", "One.\n\nThree."),
        ("One.\n[[? Two.]] Three.", "One.\nThree."),
        ("One. [[? Two.]]\nThree.", "One.\nThree."),
        ("a:\n    [[? b]]\n    c  d", "a:\n    c  d"),
        ("A ([[? big]] mill) x", "A (mill) x"),
        ("A mill ([[? a]] [[? b]] x)", "A mill (x)"),
        ("A[[? b]] [[? c]].", "A."),
        ("A [[? b]] [[? c]] [[? d]] e", "A e"),
        ("A [[? b]] [[= e]]", "A e"),
        ("A [[~ [[? b]] x | x]] e", "A x x e"),
        ("A [[! [[? b]] [[? c]]]] e", "A e"),
        ("“[[? So]] it is”", "“it is”"),
        ("  [[? b]]", "  b"),
    ],
)
def test_space_closes_where_words_are_left_out(source: str, dropped: str) -> None:
    assert min(texts(source), key=len) == dropped


def test_anchors_are_where_they_are_said_to_be() -> None:
    document = parse(MILL)
    again = parse("[[? Once]] [[! the [[= mill]]]] [[> of [[= town: Keld]]]] [[? here]] [[= x]]")
    for found in islice(expansions(document), 60):
        words = [found.text[start:end] for start, end in found.anchors]
        assert words == ["Arden", "Keld"]
    seen = set()
    for found in expansions(again):
        seen.add(tuple(found.text[start:end] for start, end in found.anchors))
    assert seen == {("mill", "Keld", "x"), ("mill", "Keld", "x", "Keld")}


def test_an_anchor_may_stand_in_every_alternative() -> None:
    source = "[[[[= Keld]] it is | it is [[= Keld]]]]"
    for found in expansions(parse(source)):
        assert [found.text[start:end] for start, end in found.anchors] == ["Keld"]
    assert parse("[[= Keld]][[? , [[= Keld]]]]")


def test_presentations_keep_to_the_text() -> None:
    for document in random_documents(150):
        for seed in range(3):
            found = expand(document, seed)
            assert found == expand(document, seed)
            assert bool(found.text) == bool(plain(document))
            assert all(found.text[start:end].strip() for start, end in found.anchors)


def test_the_page_tells_the_truth() -> None:
    """Every example on the page is read as the page says."""
    page = PAGE.read_text()
    rows = re.findall(r"^- `` (.+) `` → (.+)$", page, re.M)
    assert len(rows) == page.count(" → ") > 30
    for source, said in rows:
        if said.startswith("error: "):
            with pytest.raises(LithoError, match=re.escape(said.removeprefix("error: "))):
                parse(source)
        else:
            assert any(found.text == said[3:-3] for found in expansions(parse(source))), source
    for block in re.findall(r"```litho\n(.+?)```", page, re.S):
        assert write(parse(block)) == block


MARKS = [f"[[{kind} " for kind in Kind] + ["[[$ n: 1 | 2]]", "[[= k: a]]", "[[a | b]]"]
SOURCES = st.lists(
    st.sampled_from(["[[", "]]", "[", "]", "|", " | ", "\\", ":", " ", "\n", "a", "b c", "."])
    | st.sampled_from(
        [f"[[{kind} " for kind in Kind] + ["[[$ n: 1 | 2]]", "[[= k: a]]", "[[a | b]]"]
    )
    | st.text(max_size=3),
    max_size=14,
).map("".join)


@settings(max_examples=400)
@given(source=SOURCES, seed=st.integers())
def test_any_source_is_read_and_written_back_or_refused(source: str, seed: int) -> None:
    try:
        document = parse(source)
    except LithoError:
        return
    assert parse(write(document)) == document
    for found in (expand(document, seed), expand(document, seed + 1)):
        assert all(found.text[start:end].strip() for start, end in found.anchors)
    if not has_marks(document):
        assert plain(document) == "".join(map(str, document.content))


@given(source=st.text().filter(lambda source: "[[" not in source))
def test_text_without_marks_stands_for_itself(source: str) -> None:
    assert plain(parse(source)) == source == write(parse(source))
