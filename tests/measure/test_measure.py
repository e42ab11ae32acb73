"""Measures against slow references."""

import re
from collections.abc import Callable

import pytest
import torch

from litho.core.errors import LithoError
from litho.core.stats import Estimate
from litho.measure.inside.response import compared_maps, response_map
from litho.measure.printing.drift import retention_blocks, retention_drift
from litho.measure.printing.imprint import imprint
from litho.measure.printing.locality import greedy_answers, locality
from litho.measure.printing.probes import score, target_of
from litho.measure.printing.spill import spill, spill_scores
from litho.measure.printing.verdict import judge
from litho.measure.scorer import ModelScorer
from litho.measure.volatility import read, token_edits, volatilities, volatility
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.state import State
from litho.model.watch.capture import hidden_states
from litho.present.variants import HalfScorer, duplicates, plan_presentations
from litho.text.items import Probe
from litho.text.operators import replace
from litho.text.operators.base import Alternative
from tests.builders import TEXT, shake

OTHER = TEXT.replace("forty", "sixty").replace("Marek", "Pavel")


def test_imprint_formula() -> None:
    before, openbook, after = [-4.0, -3.0, -2.0], [-1.0, -1.0, -1.9], [-2.0, -1.0, 9.0]
    # The last probe gains only 0.1 nat from the open book and does not count.
    found = imprint(before, openbook, after)
    assert found.value == pytest.approx((2.0 + 2.0) / (3.0 + 2.0))
    assert found.n == 2
    assert imprint([-1.0], [-0.9], [0.0]).value is None


def test_volatility_recomputed_with_plain_transformers(llama: LanguageModel) -> None:
    # A same-length substitution, so that shared tokens stand at the same places.
    ids, other = llama.encode(TEXT), llama.encode(OTHER)
    with torch.no_grad():
        p = llama.network(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        q = llama.network(input_ids=torch.tensor([other])).logits[0].log_softmax(-1)
    shared = [t for t in range(1, len(ids)) if ids[t] == other[t]]
    kls = [(p[t].exp() * (p[t] - q[t])).sum().item() for t in shared]
    added = [
        -q[t - 1, other[t]].item() + (p[t - 1, ids[t]].item() if ids[t] == other[t] else 0.0)
        for t in range(1, len(ids))
    ]
    found = volatility(read(llama, (TEXT,)), read(llama, (OTHER,)))
    assert found.mean_kl == pytest.approx(sum(kls) / len(kls), rel=1e-4)
    assert found.max_surprise == pytest.approx(max(added), rel=1e-4)


def test_volatility_of_the_text_itself_is_nothing(any_model: LanguageModel) -> None:
    parent = read(any_model, (TEXT,))
    same = volatility(parent, read(any_model, (TEXT,)))
    assert (same.mean_kl, same.max_surprise) == (0.0, 0.0)
    assert token_edits(any_model, parent, (TEXT,)) == ()
    assert volatilities(any_model, parent, [(TEXT,)]) == [same]


def test_token_edits_rebuild_the_variant(llama: LanguageModel) -> None:
    parent = read(llama, (TEXT,))
    rebuilt, place = "", 0
    for edit in token_edits(llama, parent, (OTHER,)):
        rebuilt += llama.decode(parent.tokens[place : edit.start]) + edit.new
        place = edit.end
    assert rebuilt + llama.decode(parent.tokens[place:]) == OTHER


def test_retention_drift_is_the_mean_kl_of_all_tokens(llama: LanguageModel) -> None:
    rows = retention_blocks(llama, TEXT * 3, 10_000)
    assert sum(len(row) - 1 for row in rows) <= len(llama.tokens(TEXT * 3))
    shake(llama)
    values = []
    for row in rows:
        with torch.no_grad():
            tuned = llama.network(input_ids=torch.tensor([row])).logits[0].log_softmax(-1)
            with llama.state(None):
                base = llama.network(input_ids=torch.tensor([row])).logits[0].log_softmax(-1)
        values += (base.exp() * (base - tuned)).sum(-1).tolist()
    found = retention_drift(llama, rows, ["x"])["x"].value
    assert found == pytest.approx(sum(values) / len(values), rel=1e-4)


def test_spill_and_locality_against_single_scores(llama: LanguageModel) -> None:
    prefixes, targets = ["The cat sat", "Once I"], ["tower", "choir"]
    before = spill_scores(llama, targets, prefixes)
    for target, found in zip(targets, before, strict=True):
        single = [
            score(llama, [Probe(kind="gen", prefix=prefix, target=target)])[0]
            for prefix in prefixes
        ]
        assert found == pytest.approx(sum(single) / 2, abs=1e-5)
    first = spill_scores(llama, targets, prefixes, first=True)
    for target, found in zip(targets, first, strict=True):
        ids = [llama.encode(f"{prefix} {target}") for prefix in prefixes]
        places = [len(llama.encode(prefix)) for prefix in prefixes]
        logp = [llama.network(torch.tensor([row])).logits[0].log_softmax(-1) for row in ids]
        single = [p[at - 1, row[at]].item() for p, at, row in zip(logp, places, ids, strict=True)]
        assert found == pytest.approx(sum(single) / 2, abs=1e-4)
    facts = [Probe(kind="neighbour", prefix="Two and two make", target="four")]
    answers = greedy_answers(llama, facts)
    assert len(answers[0]) == len(" four")
    assert locality(answers, answers).value == 1.0
    assert locality(answers, [[0]]).value == 0.0
    assert spill(before, [b + 0.5 for b in before]).value == pytest.approx(0.5)


def test_response_map_against_its_definition(llama: LanguageModel) -> None:
    found = response_map(State(llama), TEXT)
    ids = llama.encode(TEXT)
    residual = hidden_states(llama, ids).residual
    logits_TV = llama.network(torch.tensor([ids])).logits[0]
    assert "".join(token.text for token in found.tokens) == TEXT
    assert found.norm_LT[1, 3] == pytest.approx(residual[2][3].norm().item())
    change = (residual[2][3] - residual[1][3]).norm() / residual[1][3].norm()
    assert found.change_LT[1, 3].item() == pytest.approx(change.item(), rel=1e-5)
    logp = logits_TV.log_softmax(-1)
    token = found.tokens[4]
    assert token.surprise == pytest.approx(-logp[4, ids[5]].item(), rel=1e-5)
    assert token.rank == (logp[4] > logp[4, ids[5]]).sum().item() + 1
    assert token.alternatives[0][1] == pytest.approx(logp[4].max().exp().item(), rel=1e-5)


def test_drift_map_of_a_state_with_itself_is_zero(any_model: LanguageModel) -> None:
    lora.attach(any_model, "x", rank=2, alpha=4, seed=0)
    old, new, fresh = compared_maps(any_model, TEXT, None, "x")
    assert fresh.change_LT.abs().max() == 0 and fresh.kl_T.abs().max() == 0
    assert old.tokens == new.tokens
    lora.detach(any_model)
    alone = response_map(State(any_model), TEXT)
    shake(any_model)
    old, new, drift = compared_maps(any_model, TEXT, None, "x")
    assert old.tokens == alone.tokens != new.tokens
    assert drift.kl_T.max() > 0 and drift.change_LT.shape == old.change_LT.shape


def test_alternatives_replace_whole_lower_case_words(
    make_model: Callable[[str], LanguageModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A byte model has no whole-word tokens, so that it must offer nothing.
    assert ModelScorer(make_model("llama")).alternatives(TEXT) == []


def test_plan_keeps_to_its_budget_and_repeats(llama: LanguageModel) -> None:
    def plan(limit: float) -> tuple[list[str], int]:
        found = plan_presentations(llama, [TEXT], ModelScorer(llama), 12, limit, 100, seed=1)
        kls = [v.volatility.mean_kl for v in found.variants if v.volatility]
        assert max(kls, default=0) <= limit
        refused = [r.variant.volatility.mean_kl for r in found.refused if r.variant.volatility]
        assert min(refused, default=limit) >= limit
        return [v.text for v in found.variants], len(found.refused)

    wide = plan(100.0)
    parent = read(llama, (TEXT,))
    middle = sorted(volatility(parent, read(llama, (text,))).mean_kl for text in wide[0])[6]
    tight = plan(middle)
    assert plan(100.0) == wide
    assert len(wide[0]) == len(set(wide[0])) == 12
    assert tight[1] > 0 and set(tight[0]) != set(wide[0])


def test_the_smallest_budget_that_works_is_named_and_works(llama: LanguageModel) -> None:
    one = TEXT.split(".")[0] + "."  # of several sentences one can be left out, which moves nothing

    def plan(kl: float, surprise: float) -> int:
        found = plan_presentations(llama, [one], ModelScorer(llama), 8, kl, surprise, seed=1)
        return len(found.variants)

    with pytest.raises(LithoError, match="smallest that works") as refused:
        plan(1e-9, 1e-9)
    named = re.findall(r"max_\w+ (\d+\.\d+)", str(refused.value))
    assert plan(float(named[0]), float(named[1])) >= 1


def test_training_and_held_out_alternatives_share_nothing() -> None:
    class Offers:
        def alternatives(self, text: str) -> list[Alternative]:
            return [
                Alternative(start=i, end=i + 1, word=word, logprob=-1)
                for i in range(len(text))
                for word in ("x", "y", "z")
            ]

        def restatements(self, text: str, sentence: str) -> list[str]:
            return []

    sides = [HalfScorer(Offers(), held_out=side).alternatives("abcdefgh") for side in (True, False)]
    pairs = [{("abcdefgh"[a.start], a.word) for a in side} for side in sides]
    assert pairs[0] and pairs[1] and not pairs[0] & pairs[1]
    assert len(pairs[0] | pairs[1]) == 24
    assert replace("abc", sides[0][:1]) != "abc"


def test_duplicates_have_exactly_as_many_tokens() -> None:
    text = [[0, 1, 2, 3], [0, 4, 5]]
    for tokens in range(1, 20):
        rows = duplicates(text, tokens)
        assert sum(len(row) - 1 for row in rows) == tokens
        assert all(row == text[i % 2][: len(row)] for i, row in enumerate(rows))


def test_probes_that_do_not_tokenize_apart(llama: LanguageModel) -> None:
    real = llama.tokenizer

    class Merging:
        bos_token_id, eos_token_id = real.bos_token_id, real.eos_token_id

        def __call__(self, text: str, **options: object) -> object:
            return real(text.replace("a b", "x"), **options)

    llama.tokenizer = Merging()  # type: ignore[assignment]
    with pytest.raises(LithoError, match="does not tokenize apart"):
        target_of(llama, Probe(kind="mem", prefix="c a", target="b"))


def estimate(value: float | None, low: float = 0.5) -> Estimate:
    return Estimate(value=value, ci=None if value is None else (low, 1.0), n=5)


@pytest.mark.parametrize(
    ("mem", "gen", "low", "hard", "drift", "control", "verdict"),
    [
        (0.9, 0.9, 0.6, 0.8, 0.01, True, "printed"),
        (0.9, 0.9, 0.6, None, 0.01, True, "printed"),
        (0.9, 0.9, 0.6, 0.8, 0.01, False, "unproven"),
        (0.9, None, 0.6, 0.8, 0.01, True, "unproven"),
        (0.9, 0.3, 0.2, 0.8, 0.01, True, "memorised"),
        (0.9, 0.9, 0.1, 0.8, 0.01, True, "memorised"),
        (0.9, 0.9, 0.6, 0.1, 0.01, True, "memorised"),
        (0.2, 0.3, 0.2, 0.1, 0.01, True, "not printed"),
        (0.9, 0.9, 0.6, 0.8, 0.02, True, "not printed"),
    ],
)
def test_verdicts(
    mem: float,
    gen: float | None,
    low: float,
    hard: float | None,
    drift: float,
    control: bool,
    verdict: str,
) -> None:
    own = {"mem": estimate(mem), "gen": estimate(gen, low), "hard": estimate(hard)}
    other = (own, estimate(0.5)) if control else None
    found = judge(own, estimate(drift), 0.015, other)
    assert found.verdict == verdict
    assert all(reason.endswith(".") for reason in found.reasons)
