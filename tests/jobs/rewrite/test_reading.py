"""What becomes of sections that were not understood: small cases by hand."""

from collections import Counter
from itertools import islice

from litho.jobs.rewrite.judges import Answered
from litho.jobs.rewrite.reading import factors, readings
from litho.jobs.school.finished import FinishedSchool
from litho.text.school.rewriting.pool import Task

TASKS = {
    name: Task(name, (), None, "", (), sections)
    for name, sections in {"a": ("x#a",), "ab": ("x#a", "y#b"), "bc": ("y#b", "z#c")}.items()
}


def said(task: str, *accepted: bool | None) -> list[Answered]:
    return [
        Answered(
            task=task, question="", facts=(), expected="", written="", named=None, samples=(),
            right=False, accepted=each,
        )
        for each in accepted
    ]  # fmt: skip


def test_a_book_that_is_not_understood_is_read_again_or_left_for_another() -> None:
    answers = [*said("a", False, False, None), *said("ab", False, True), *said("bc", True, True)]
    assert not list(readings("nothing", TASKS, answers))
    (again,) = readings("reread", TASKS, answers)
    assert (again.section, again.asked, again.accepted, again.instead) == ("x#a", 4, 0.25, ())
    assert factors([again]) == {"x#a": 2.0}
    (switched,) = readings("switch_book", TASKS, answers)
    assert switched.instead == ("y#b",) and factors([switched]) == {"x#a": 0.0, "y#b": 2.0}
    assert not list(readings("reread", TASKS, said("a", False, False, None)))  # too few
    both = said("ab", False, False, False)  # nowhere to go
    assert [(r.section, r.rule) for r in readings("switch_book", TASKS, both)] == [
        ("x#a", "reread"), ("y#b", "reread")
    ]  # fmt: skip


def test_its_share_of_the_true_text_changes(tiny_school: FinishedSchool) -> None:
    school = tiny_school.school

    def counted(more: dict[str, float] | None) -> Counter[str]:
        read = (d for d in school.tail(more) if d.kind == "reading")
        return Counter(f"{d.book}#{d.section}" for d in islice(read, 600))

    before = counted(None)
    assert counted({}) == before
    (name, often), (other, _) = before.most_common(2)
    after = counted({name: 3.0, other: 0.0})
    assert after[name] > 1.5 * often and after[other] == 0
