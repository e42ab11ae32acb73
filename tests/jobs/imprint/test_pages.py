"""Several pages in one adapter: together, one after the other, and one taken out again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

import litho
from litho.core.errors import LithoError
from litho.core.runs import RunDirectory
from litho.jobs.imprint.config import ImprintConfig, ImprintSpec
from litho.jobs.imprint.handbook import as_duplicates, in_steps, planned, ranks_of, windows
from litho.jobs.imprint.onto import Slice, carried
from litho.jobs.imprint.result import IMPRINT
from litho.learn.drift import LEAST
from litho.learn.sources import Planned
from litho.learn.steps import StepLedger
from litho.model.adapters import saved
from litho.model.adapters.slices import factors_in
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import logits
from litho.text.items import Probe
from litho.text.pages import Page
from tests.builders import TEXT, check_numbers, run_job, start_job, stop_at_times

BRIDGE = Page(
    name="bridge.md",
    text="The bridge of Lund was drawn by Ida Holm in 1874. Nobody crosses it after dark.",
    probes=(
        Probe(kind="mem", prefix="The bridge of Lund was drawn by", target="Ida"),
        Probe(kind="gen", prefix="The woman who drew it was", target="Ida"),
        Probe(kind="chat", prefix="Who drew the bridge?", target="Ida"),
    ),
)


@pytest.fixture(scope="module")
def short() -> ImprintConfig:
    from tests.builders import quick_config

    few = {"presentations": 3, "controls": "none", "budget": 9.0}
    return quick_config().model_copy(update=few)


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory, cache: Path, short: ImprintConfig) -> Path:
    """A finished run with one page."""
    from tests.builders import small_inputs

    out = tmp_path_factory.mktemp("runs") / "single"
    run_job(small_inputs(), short, out)
    return out


def onto(run: Path, *pages: Page) -> ImprintSpec:
    earlier = carried(run)
    return ImprintSpec(
        pages=(*earlier.pages, *pages),
        onto=earlier.onto,
        retention=earlier.retention,
        model=earlier.model,
    )


@pytest.fixture(scope="module")
def double(
    tmp_path_factory: pytest.TempPathFactory, cache: Path, short: ImprintConfig, single: Path
) -> Path:
    """A finished run that prints a second page onto the first."""
    out = tmp_path_factory.mktemp("runs") / "double"
    run_job(onto(single, BRIDGE), short, out)
    return out


def test_steps_show_every_page_as_often_within_their_tokens() -> None:
    pages = [Planned([[[0] * 6], [[1] * 6]], ["a", "b"]), Planned([[[2] * 4]], ["a"])]
    steps = in_steps(pages, 3, 8)
    assert [[part.page for part in step] for step in steps] == [[0, 1]] * 3
    assert planned(steps).next(1).rows == [[1] * 6, [2] * 4]
    assert [planned(steps).next(i).kind for i in range(3)] == ["a", "several", "a"]
    assert len(in_steps(pages, 3, 7)) == 6  # one page a step
    copies = as_duplicates([{0: 5, 1: 3}], [[[7] * 3], [[8] * 9]]).next(0).rows
    assert copies == [[7] * 3, [7] * 3, [7] * 2, [8] * 4]


def test_one_page_keeps_its_rank_and_many_share() -> None:
    assert ranks_of(2, 1, 1) == [2] and ranks_of(32, 1, 1) == [32]
    assert ranks_of(32, 4, 4) == [16] * 4 and ranks_of(32, 400, 1) == [4]


def test_windows_cover_a_page(llama: LanguageModel) -> None:
    rows = windows(llama, TEXT, 32)
    assert {len(row) for row in rows} == {32}
    assert {*llama.tokens(TEXT)} == {token for row in rows for token in row[len(llama.start) :]}
    (short,) = windows(llama, "Ten.", 16)
    assert llama.decode(short[len(llama.start) :]).startswith("Ten.\n\nTen.")


def test_pages_are_printed_together(
    inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path
) -> None:
    both = inputs.model_copy(update={"pages": (*inputs.pages, BRIDGE)})
    config = quick.model_copy(update={"presentations": 7, "check_every": 2, "budget": 9.0})
    expected = json.loads(run_job(both, config, tmp_path / "whole").model_dump_json())
    assert [page["name"] for page in expected["pages"]] == ["clock.md", "bridge.md"]
    assert expected["pages"][0]["chat"] is None and expected["pages"][1]["chat"]
    assert expected["presentations"] == 7 and not expected["earlier"]
    run = RunDirectory.opened(tmp_path / "whole")
    slices = [Slice(**part) for part in run.read_json("slices.json")]
    assert [part.pages for part in slices] == [("clock.md",), ("bridge.md",)]
    # Two pages share a step, so that the drift may count half as much as at least beside one.
    assert StepLedger(run).records(IMPRINT)[-1]["weight"] == LEAST / 2
    found = factors_in(tmp_path / "whole/adapter")
    assert {a.shape[0] for a in found.a_RI.values()} == {sum(part.rank for part in slices)}
    assert found.scale == config.alpha / config.rank
    check_numbers(tmp_path / "whole")
    page = (tmp_path / "whole/report.html").read_text()
    assert "Page by page" in page and "bridge.md: " in page
    stop_at_times(both, config, tmp_path, expected, stops=(12,))  # within the imprint


def test_a_page_is_printed_beside_another(
    single: Path, double: Path, short: ImprintConfig, tmp_path: Path
) -> None:
    before, after = (factors_in(run / "adapter") for run in (single, double))
    rank = short.rank
    for name, a_RI in before.a_RI.items():
        assert torch.equal(after.a_RI[name][:rank], a_RI)
        assert torch.equal(after.b_OR[name][:, :rank], before.b_OR[name])
        assert after.b_OR[name][:, rank:].any()
    result = json.loads((double / "metrics.json").read_text())
    assert [page["page"] for page in result["earlier"]] == ["clock.md"]
    assert [page["name"] for page in result["pages"]] == ["clock.md", "bridge.md"]
    assert result["imprint"]["hard"]["n"] == 0  # only the first page has such probes
    assert "The pages that were there before" in (double / "report.html").read_text()
    stop_at_times(onto(single, BRIDGE), short, tmp_path, result, stops=(8,))


def test_a_page_is_taken_out_again(single: Path, double: Path, tmp_path: Path) -> None:
    result = litho.unprint(double, "bridge", tmp_path / "out")
    assert result.page.page == "bridge.md"
    (other,) = result.others
    assert other.page == "clock.md"
    model = litho.load("tiny:llama")
    for name, run in (("first", single), ("left", tmp_path / "out")):
        saved.load(model, name, run / "adapter")
    ids_BT = torch.tensor([model.encode(TEXT)])
    read = []
    for name in ("first", "left"):
        with torch.no_grad(), model.state(name):
            read.append(logits(model, ids_BT))
    torch.testing.assert_close(*read)
    plain = AutoModelForCausalLM.from_pretrained(model.source.folder, dtype=torch.float32)
    with torch.no_grad():
        said = PeftModel.from_pretrained(plain, tmp_path / "out/adapter").eval()(input_ids=ids_BT)
    torch.testing.assert_close(said.logits, read[1])
    assert carried(tmp_path / "out").pages == carried(single).pages
    assert litho.ask(tmp_path / "out", "Who?", voices=["adapter"], tokens=2).answers
    assert "(taken out)" in (tmp_path / "out/report.html").read_text()


def test_what_cannot_be_taken_out_is_said(single: Path, double: Path, tmp_path: Path) -> None:
    with pytest.raises(LithoError, match=r"no page 'tower': it carries clock\.md, bridge\.md"):
        litho.unprint(double, "tower", tmp_path / "out")
    with pytest.raises(LithoError, match=r"clock\.md is the only page"):
        litho.unprint(single, "clock.md", tmp_path / "out")
    shared = Path(shutil.copytree(double, tmp_path / "shared"))
    (shared / "slices.json").write_text('[{"pages": ["clock.md", "bridge.md"], "rank": 55}]')
    with pytest.raises(LithoError, match="shares its part"):
        litho.unprint(shared, "clock.md", tmp_path / "out")
    assert not list(tmp_path.glob("out*"))


def test_what_cannot_be_printed_onto_is_said(
    single: Path, short: ImprintConfig, tmp_path: Path
) -> None:
    given = {"out": tmp_path / "out", "onto": single}
    with pytest.raises(LithoError, match="was printed into tiny:llama, not into tiny:gpt2"):
        litho.imprint("Ten pigs ran over the hill.", "tiny:gpt2", **given)  # type: ignore[arg-type]
    with pytest.raises(LithoError, match="is no finished run"):
        litho.imprint("Ten pigs.", onto=tmp_path, out=tmp_path / "out")
    litho.map(TEXT, "tiny:llama", out=tmp_path / "map")
    with pytest.raises(LithoError, match="no page was printed there"):
        litho.imprint("Ten pigs.", onto=tmp_path / "map", out=tmp_path / "out")
    with pytest.raises(LithoError, match="needs keys=text"):
        start_job(
            onto(single, BRIDGE), short.model_copy(update={"keys": "random"}), tmp_path / "out"
        )
    copy = Page(name="copy.md", text=TEXT)
    with pytest.raises(LithoError, match=r"'clock\.md' and 'copy\.md' are the same"):
        start_job(onto(single, copy), short, tmp_path / "out")
    assert not list(tmp_path.glob("out*"))


def test_what_needs_one_page_is_said(
    inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path
) -> None:
    both = inputs.model_copy(update={"pages": (*inputs.pages, BRIDGE)})
    for settings in ({"ladder": True}, {"loss": "distilled"}, {"rhythm": "measured"}):
        with pytest.raises(LithoError, match="works with one page at a time"):
            start_job(both, quick.model_copy(update=settings), tmp_path / "out")
    bad = BRIDGE.model_copy(update={"text": "x"})
    with pytest.raises(LithoError, match=r"bridge\.md: "):
        start_job(
            inputs.model_copy(update={"pages": (*inputs.pages, bad)}), quick, tmp_path / "out"
        )
    assert not list(tmp_path.glob("out*"))


def test_pages_from_the_command_line(litho: Callable[..., tuple[int, str, str]]) -> None:
    Path("book").mkdir()
    Path("book/a.md").write_text(TEXT)
    Path("book/b.md").write_text(BRIDGE.text)
    Path("book/c.csv").write_text("x")
    Path("book/a.probes.jsonl").write_text(Path("probes.jsonl").read_text())
    common = ["--model", "tiny:llama", "--out", "run"]
    code, _, err = litho("imprint", "book", "--probes", "probes.jsonl", *common)
    assert code == 2 and "one set of probes, but several pages" in err
    code, _, err = litho("imprint", "book", "book/a.md", *common)
    assert code == 2 and "two pages are called 'a.md'" in err
    Path("book/b.md").write_text(TEXT)
    code, _, err = litho("imprint", "book", *common)
    assert code == 2 and "'a.md' and 'b.md' are the same" in err
    assert not list(Path().glob("run*"))
