"""`litho exam`, as a person uses it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.text.school.test_genome import GENOME

Litho = Callable[..., tuple[int, str, str]]


def test_an_exam(litho: Litho, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("litho.measure.school.writing.MOST", 8)
    Path("school.yaml").write_text(GENOME.replace("n: 10", "n: 1"))
    code, out, _ = litho("exam", "tiny:llama", "--genome", "school.yaml", "--out", "run", "--json")
    result = json.loads(out)
    assert code == 0 and result["verdict"] == "nothing"
    assert {"tests", "shortcuts", "twins", "verdict"} <= set(result)


def test_what_is_wrong_is_one_sentence(litho: Litho) -> None:
    Path("school.yaml").write_text(GENOME)
    for arguments, said in (
        (("tiny:llama", "--genome", "none.yaml"), "none.yaml cannot be read"),
        (("tiny:nobody", "--genome", "school.yaml"), "nobody"),
        (("tiny:llama", "--genome", "school.yaml", "--twin", "tiny:nobody"), "nobody"),
        (("tiny:llama", "--genome", "school.yaml", "--build", "none"), "none is no build"),
    ):
        code, out, err = litho("exam", *arguments, "--out", "run")
        assert (code, out) == (2, "") and said in err, (arguments, err)
    assert not list(Path().glob("run*"))
