"""`litho genome` from init to diff, as a person uses it."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.text.school.test_genome import GENOME

Litho = Callable[..., tuple[int, str, str]]


def test_a_genome_from_init_to_diff(litho: Litho) -> None:
    assert litho("genome", "init", "school.yaml", "--world", "17")[0] == 0
    code, _, err = litho("genome", "init", "school.yaml", "--world", "17")
    assert code == 2 and "exists already" in err
    code, out, _ = litho("genome", "show", "school.yaml", "plants#soils", "--layer", "dialogue")
    assert code == 0 and out.startswith("Of plants: soils.\n\nTeacher. ") and "Student. " in out

    Path("tiny.yaml").write_text(GENOME.replace("seed: 1", "seed: 1\ntokenizer: {vocab: 400}"))
    code, out, _ = litho("genome", "check", "tiny.yaml")
    assert code == 0 and "minerals: read" in out
    code, out, _ = litho("genome", "document", "tiny.yaml", "--out", "tiny.html")
    assert (code, out) == (0, "document tiny.html\n") and "minerals" in Path(
        "tiny.html"
    ).read_text()
    code, out, _ = litho("genome", "compile", "tiny.yaml", "--out", "build", "--json")
    result = json.loads(out)
    assert code == 0 and result["audit"]["leaks"] == 0
    assert {"id", "tokens", "sha256", "prefix_hash"} <= set(result["stages"][0])
    assert result["sha256"] == result["stages"][-1]["prefix_hash"]
    code, out, _ = litho("genome", "compile", "tiny.yaml", "--out", "build")
    assert code == 0 and "leaks 0" in out and "before" in out
    code, out, _ = litho("genome", "where", "build", "0")
    assert code == 0 and "minerals#names" in out
    code, out, _ = litho("genome", "where", "build", "The first survey says", "--json")
    assert code == 0 and json.loads(out)["count"] > 0
    Path("other.yaml").write_text(Path("tiny.yaml").read_text().replace("seed: 1", "seed: 2"))
    assert litho("genome", "diff", "tiny.yaml", "other.yaml")[1] == "seed: 1 → 2\n"
    assert litho("genome", "diff", "tiny.yaml", "tiny.yaml")[1] == "no difference\n"


def test_what_is_wrong_is_one_sentence(litho: Litho) -> None:
    Path("tiny.yaml").write_text(GENOME)
    Path("bad.yaml").write_text(GENOME.replace("share: 0.5", "share: 0.7"))
    for arguments, said in (
        (("init", "x.yaml"), "give one of --world SEED and --books DIR"),
        (("init", "x.yaml", "--books", "none"), "there is no folder none"),
        (("init", "none/x.yaml", "--world", "1"), "there is no folder"),
        (("check", "bad.yaml"), "bad.yaml, line 9: stages: shares (1.1)"),
        (("compile", "bad.yaml", "--out", "b"), "bad.yaml, line 9: stages: shares (1.1)"),
        (("show", "tiny.yaml", "trees"), "there is no book 'trees' in the library, but minerals"),
        (("show", "tiny.yaml", "plants#x"), "'plants' has no section 'x', but names"),
        (("show", "tiny.yaml", "plants", "--layer", "x"), "there is no layer 'x', but lexicon"),
        (("where", "none", "1"), "none is no build"),
        (("diff", "tiny.yaml", "none.yaml"), "none.yaml cannot be read"),
    ):
        code, out, err = litho("genome", *arguments)
        assert (code, out) == (2, "") and said in err and err.count("\n") == 1, arguments
    assert not Path("b").exists() and not Path("x.yaml").exists()


def test_a_genome_of_a_few_small_books_can_be_compiled_at_once(litho: Litho) -> None:
    Path("books").mkdir()
    for name, number in (("one", 40), ("two", 80), ("copy", 80)):
        said = "\n\n".join(f"A hen lays {n} eggs, says the book." for n in range(number))
        Path("books", f"{name}.{'md' if name == 'copy' else 'txt'}").write_text(said)
    code, out, _ = litho("genome", "init", "school.yaml", "--books", "books")
    assert code == 0 and "books/two.txt is left out: it says the same as books/copy.md" in out
    code, out, _ = litho("genome", "check", "school.yaml")
    assert code == 0 and "note  " not in out and "one, copy: read 1.0 times" in out
    code, out, _ = litho("genome", "compile", "school.yaml", "--out", "build")
    assert code == 0 and "build    " in out
