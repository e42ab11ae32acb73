"""The pieces of `benchmarks/alternatives.py`, on tiny models."""

import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import alternatives_study
import pytest
import torch
from alternatives_cartridge import NAME, TrainedCartridge, cartridge, with_cartridge
from alternatives_imprint import imprinted
from alternatives_lora import paraphrases, plain
from alternatives_page import Bench, Page, durability, measured
from alternatives_reading import context, nothing, retrieval
from alternatives_study import Lesson, Said, distilled
from alternatives_training import ADAPTER, Clock

from litho.core.errors import LithoError
from litho.jobs.imprint.baseline import Baseline, measure_baseline
from litho.learn.objectives import Batch
from litho.measure.printing.drift import retention_blocks
from litho.measure.printing.probes import score, target_of
from litho.measure.scorer import ModelScorer
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.read.chat import question, reply
from litho.model.read.scoring import Target, logits
from litho.model.sources import locate
from litho.model.state import State
from litho.text.items import Probe
from tests.builders import PROSE, TEXT, shake, slow_logprob, small_inputs

CHAT = Probe(kind="chat", prefix="Who built the clock?", target="Marek")
PAGE = f"# The clock\n\n{TEXT}\n\nThe key of the clock hangs in the bakery."


@pytest.fixture(scope="module")
def baseline(cache: Path) -> Baseline:
    spec = small_inputs()
    (page,) = spec.pages
    asked = page.model_copy(update={"text": PAGE, "probes": (*(page.probes or ()), CHAT)})
    model = load(locate("tiny:llama"), torch.float32)
    return measure_baseline(model, [asked], [[PAGE]], range(1), spec.neighbours(), 0)


@pytest.fixture
def page(baseline: Baseline, llama: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> Page:
    """A tiny random model gains nothing from the open book; each probe counts all the same."""
    monkeypatch.setattr("litho.measure.printing.imprint.MIN_GAIN", -torch.inf)
    made: dict[str, Any] = {}

    def kept(name: str, compute: Callable[[], Any]) -> Any:  # noqa: ANN401  JSON
        return made.setdefault(name, None) or made.update({name: compute()}) or made[name]

    return Page("clock", PAGE, baseline, retention_blocks(llama, PROSE, 512), kept)


@pytest.fixture
def bench(llama: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Time for one step."""
    monkeypatch.setattr(alternatives_study, "TOGETHER", 2)
    return Bench(llama, load(locate("tiny:llama"), torch.bfloat16), 0.0)


def test_a_cartridge_of_all_that_was_read_is_as_good_as_reading(llama: LanguageModel) -> None:
    ids, more = llama.encode("The clock of Ostrava"), llama.encode("was built by")
    both = torch.tensor([[*ids, *more]])
    asked = [question("Who?")]
    with torch.no_grad():
        expected_TV, alone_TV = logits(llama, both)[0, len(ids) :], logits(llama, both[:, :9])[0]
    model, said = with_cartridge(llama, ids), reply(llama, asked, 4)
    with model.state(NAME), torch.no_grad():
        assert torch.allclose(logits(model, torch.tensor([more]))[0], expected_TV, atol=1e-5)
        reply(model, asked, 4)
    with model.state(None), torch.no_grad():
        assert torch.equal(logits(model, both[:, :9])[0], alone_TV)
        assert reply(model, asked, 4) == said
    # A beginning that probes share must not be read without the cartridge.
    probes = [Probe(kind="gen", prefix=TEXT, target=word) for word in ("well", "badly")]
    slow = [_behind(llama, ids, probe) for probe in probes]
    assert score(State(model, (NAME,)), probes) == pytest.approx(slow, abs=1e-5)


def _behind(model: LanguageModel, ids: list[int], probe: Probe) -> float:
    """ell of a probe behind other tokens, read in one row."""
    target = target_of(model, probe)
    return slow_logprob(model, Target((*ids, *target.ids), len(ids) + target.first))


def test_a_lesson_teaches_what_is_predicted_with_the_page(llama: LanguageModel) -> None:
    front, alone, reply_ids = llama.encode(PAGE), llama.encode("Who?"), llama.tokens(" Marek")
    said = Said(front + reply_ids, alone + reply_ids, len(reply_ids))
    lesson = Lesson(llama, {"said": [said]})
    rows = lesson.source().presentations[0]
    assert rows == [said.student]
    with torch.no_grad():
        taught_TV = logits(llama, torch.tensor([said.teacher]))[0, -len(reply_ids) - 1 : -1]
        found_TV = logits(llama, torch.tensor([said.student]))[0, -len(reply_ids) - 1 : -1]
    p_TV = taught_TV.softmax(-1)
    expected = (p_TV * (taught_TV.log_softmax(-1) - found_TV.log_softmax(-1))).sum(-1).mean()
    shake(llama, scale=0.0)
    assert lesson(Batch(llama, rows, 512, 0.0)) == pytest.approx(expected.item(), rel=1e-4)


def test_only_the_cartridge_learns_and_not_its_first_token(llama: LanguageModel) -> None:
    before = {name: weight.clone() for name, weight in llama.network.named_parameters()}
    model = with_cartridge(llama, llama.encode("The clock"))
    what = TrainedCartridge(model)
    begun = model.around.prompt_encoder[NAME].weight.detach().clone()
    row = llama.encode("It is wound on Fridays.")
    lesson = Lesson(llama, {"said": [Said(llama.encode(PAGE) + row[1:], row, len(row) - 1)]})
    step = torch.optim.SGD(what.learned, lr=1.0)
    losses = []
    for _ in range(3):
        with what.learning(0):
            losses.append(lesson(Batch(model, [row], 512, 0.0)))
        step.step()
        step.zero_grad()
    moved = (model.around.prompt_encoder[NAME].weight.detach() != begun).any(-1)
    assert losses[-1] < losses[0] and not moved[0] and moved[1:].all()
    for name, weight in llama.network.named_parameters():
        assert torch.equal(weight, before[name])


@pytest.mark.parametrize("alternative", [partial(cartridge, rate=1e-3), distilled])
def test_a_student_is_trained_and_measured(
    alternative: Callable[[Bench, Page], Any], bench: Bench, page: Page
) -> None:
    (row,) = [measured("x", page, ready) for ready in alternative(bench, page)]
    assert row.steps == 1 and row.seconds and row.settings["sequences"] == 4
    assert row.drift and row.drift.value and row.imprint["gen"].n
    assert bench.exact.adapters == bench.trained.adapters == []


def test_plain_lora_is_yielded_at_each_stop(bench: Bench, page: Page) -> None:
    rows = []
    for ready in plain(bench, page, rate=1e-2):
        learned = lora.learned_weights(bench.exact, ADAPTER)
        assert all(weight.any() for weight in learned.values())  # B begins as 0
        rows.append(measured("x", page, ready))
    assert [row.stop for row in rows] == ["best I gen", "best anchor"]
    assert rows[0].imprint == rows[1].imprint and rows[0].curve == rows[1].curve
    assert [mark.steps for mark in rows[0].curve] == [1]
    assert not bench.exact.adapters


def test_what_reads_leaves_the_weights_untouched(bench: Bench, page: Page) -> None:
    (none,), (book,), (found,) = (
        [measured("x", page, ready) for ready in alternative(bench, page)]
        for alternative in (nothing, context, retrieval)
    )
    for kind in ("mem", "gen", "hard"):
        assert none.imprint[kind].value == pytest.approx(0.0, abs=1e-3)
        assert book.imprint[kind].value == pytest.approx(1.0, abs=1e-3)
    assert none.tokens and found.tokens and book.tokens
    assert none.tokens < found.tokens < book.tokens
    assert none.drift is book.drift is found.drift is None


def test_a_finished_imprint_is_read(bench: Bench, page: Page, finished: Path) -> None:
    with pytest.raises(LithoError, match="another text than clock"):
        next(imprinted(bench, page, finished))
    same = Page("clock", TEXT, page.baseline, page.retention, page.kept)
    for ready in imprinted(bench, same, finished):
        assert bench.exact.adapters and ready.steps and ready.wall
        assert durability(page, ready.state, 0.05) is None  # there is nothing that could last
    assert not bench.exact.adapters


def test_paraphrases_begin_with_the_page(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "The key is at the bakery."
    monkeypatch.setattr(ModelScorer, "restatements", lambda *_: [said])
    made = paraphrases(llama, PAGE, 60.0)
    assert made["versions"][0] == PAGE and len(set(made["versions"])) > 3
    assert made["tried"] == made["restated"] == made["sentences"] == 4
    monkeypatch.setattr(ModelScorer, "restatements", lambda *_: [])
    assert paraphrases(llama, PAGE, 60.0)["versions"] == [PAGE]


def test_looking_costs_nothing() -> None:
    clock = Clock(5.0)
    with clock.paused():
        began = time.process_time()
        while time.process_time() < began + 0.05:
            random.random()
        assert 5.05 <= clock.spent < 5.09
    assert 5.0 <= clock.spent < 5.04
