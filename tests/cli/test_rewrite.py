"""`litho journal` and `litho rewrite`, as a person uses them."""

import json
from collections.abc import Callable
from pathlib import Path

from litho.text.school.canonical import written
from tests.jobs.conftest import tiny_genome

Litho = Callable[..., tuple[int, str, str]]


def test_a_school_its_journal_and_what_is_rewritten(litho: Litho) -> None:
    settings = {"rounds": 1, "share": 0.6, "questions": 4, "bridges": 0}
    genome = tiny_genome(rewrite=settings, journal={"top": 3, "sample": 2, "by": "forgetting"})
    Path("school.yaml").write_text(written(genome))
    assert litho("school", "school.yaml", "--out", "school")[0] == 0
    code, out, _ = litho("journal", "school", "--out", "journal", "--by", "loss_jump")
    assert code == 0 and "spans by loss_jump" in out
    said = json.loads(Path("journal/metrics.json").read_text())
    assert said["by"] == "loss_jump" and len(said["hardest"]["loss_jump"]) <= 3
    page = Path("journal/report.html").read_text()
    assert "The journal of" in page and "By section" in page

    code, out, _ = litho("rewrite", "school", "--out", "more", "--arms", "oracle, more_books")
    assert code == 0 and "more_books" in out and "right answers, less" in out
    said = json.loads(Path("more/metrics.json").read_text())
    assert set(said["arms"]) == {"oracle", "more_books"} and len(said["rounds"]) == 1
    assert "What each arm gained" in Path("more/report.html").read_text()
    code, _, err = litho("rewrite", "school", "--out", "other", "--arms", "luck")
    assert code == 2 and "arms" in err and not Path("other.partial").exists()
    code, _, err = litho("journal", "more", "--out", "other")
    assert code == 2 and "is no run of litho school" in err


def test_pages_that_were_printed_are_rewritten_on(litho: Litho, finished: Path) -> None:
    quick = ("--rounds", "1", "--set", "presentations=1", "--set", "questions=2")
    code, out, _ = litho("rewrite", str(finished), "--out", "again", *quick)
    assert code == 0 and "rewrite (best: 1)" in out and "adapter" in out
    code, out, _ = litho("rewrite", str(finished), "--out", "json", "--json", *quick)
    assert code == 0 and set(json.loads(out)["arms"]) == {"rewrite"}
    assert "presented again from the model’s failures" in Path("again/report.html").read_text()
    code, _, err = litho("rewrite", str(finished), "--out", "other", "--set", "share=0.1")
    assert code == 2 and "share" in err  # a setting of schools
    code, _, err = litho("rewrite", "again", "--out", "other")
    assert code == 2 and "give one of 'litho school' or 'litho imprint'" in err
    assert not list(Path().glob("other*"))
