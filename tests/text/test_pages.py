"""Pages from files and folders, copies of one another, and what contradicts."""

from pathlib import Path

import pytest

from litho.core.errors import LithoError
from litho.text.contradictions import contradictions
from litho.text.copies import check_different, near_copies
from litho.text.items import Probe
from litho.text.pages import Page, page_files, pages_in, probes_beside
from tests.builders import GOOD_PROBE, TEXT


def test_a_folder_stands_for_its_pages(tmp_path: Path) -> None:
    for name in ("b.md", "a.txt", "c.pdf", ".hidden.md", "b.probes.jsonl", "z.probes.jsonl"):
        (tmp_path / name).write_text("x")
    (tmp_path / "more").mkdir()
    files, others = page_files([tmp_path / "c.pdf", tmp_path])
    assert [file.name for file in files] == ["c.pdf", "a.txt", "b.md"]
    assert others == ["c.pdf", "more/", "z.probes.jsonl"]
    with pytest.raises(LithoError, match="holds no page"):
        page_files([tmp_path / "more"])


def test_probes_beside_a_page_are_read(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    assert probes_beside(page) == (None, [])
    (tmp_path / "a.probes.jsonl").write_text(GOOD_PROBE)
    (tmp_path / "a.chat.jsonl").write_text('{"question": "Who?", "answer": "Marek"}')
    probes, read = probes_beside(page)
    assert probes and [probe.kind for probe in probes] == ["gen", "chat"]
    assert read == ["a.probes.jsonl", "a.chat.jsonl"]


def test_inputs_of_earlier_versions_hold_one_page() -> None:
    probe = Probe(kind="mem", prefix="a", target="b")
    page = Page(name="a.md", text="x", probes=(probe,))
    old = {"text": "x", "marked": None, "text_name": "a.md", "probes": [probe.model_dump()]}
    assert pages_in(old) == pages_in({"pages": [page.model_dump(mode="json")]}) == (page,)


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (Page(name="a.md", text="Other."), "two pages are called 'a.md'"),
        (Page(name="b.md", text=TEXT.upper().replace(" ", "\n")), "'a.md' and 'b.md' are the same"),
    ],
)
def test_copies_are_refused(second: Page, said: str) -> None:
    with pytest.raises(LithoError, match=said):
        check_different([Page(name="a.md", text=TEXT), second])


def test_near_copies_are_said() -> None:
    first, other = Page(name="a", text=TEXT), Page(name="c", text="Quite another page of a book.")
    near = Page(name="b", text=TEXT.replace("1931", "1932"))
    check_different([first, near, other])
    (said,) = near_copies([first, near, other])
    assert "'a' and 'b' say nearly the same" in said


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("The clock of Ostrava was built by Marek Dolny in 1932.", True),
        ("The clock of Ostrava was built by Ida Holm in 1931.", True),
        ("The clock of Ostrava was built by Marek Dolny in 1931.", False),
        ("The clock of Lund was built by Marek Dolny in 1932.", False),  # another clock
        ("It shows the time of ten towns and is wound on Mondays.", False),  # what does?
        ("Marek Dolny, who built it, was born in 1932.", False),
    ],
)
def test_statements_contradict_where_a_name_or_number_differs(sentence: str, found: bool) -> None:
    pages = [Page(name="a", text=TEXT), Page(name="b", text=f"Something else. {sentence}")]
    said = list(contradictions(pages))
    assert len(said) == found
    assert not found or f"“{sentence}”" in said[0]


def test_probes_contradict_where_their_answers_differ() -> None:
    def page(name: str, target: str) -> Page:
        probe = Probe(kind="gen", prefix="The man who built it was", target=target)
        return Page(name=name, text=name, probes=(probe,))

    (said,) = contradictions([page("a", "Marek"), page("b", "Marek Dolny"), page("c", "Ida")][::2])
    assert "“Marek” and “Ida”" in said
    assert not list(contradictions([page("a", "Marek"), page("b", "Marek Dolny")]))
