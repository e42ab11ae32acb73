"""The graph of one context: its edges against all edges, and what is left when they are cut."""

import pytest
import torch
from torch.nn.functional import pad

from litho.core.errors import LithoError
from litho.measure.trails import graph as graphs
from litho.measure.trails.graph import Asking, asking, graph
from litho.model.loaded import LanguageModel
from litho.model.state import State
from litho.model.watch.flow import flow

CONTEXT, ANSWERS = "A red lamp. So the", ("door", "bell")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "KEPT", (0, 24, 96))


def preference(model: LanguageModel, asked: Asking) -> float:
    with torch.no_grad():
        logits_V = model.network(input_ids=torch.tensor([asked.row])).logits[0, -1]
    first, second = logits_V.log_softmax(-1)[list(asked.tokens)].tolist()
    return float(first - second)


@pytest.mark.usefixtures("few")
def test_the_strongest_of_all_edges(llama: LanguageModel) -> None:
    asked = asking(llama, CONTEXT, ANSWERS)
    found = graph(State(llama), asked)
    assert found.m == pytest.approx(preference(llama, asked), abs=1e-5)
    assert sum(token.value for token in found.tokens) + found.biases == pytest.approx(found.m)
    assert "".join(token.text for token in found.tokens) == f"{CONTEXT} "  # bytes share the space
    tokens, values = len(asked.row), {}
    for layer, heads in enumerate(flow(llama, asked.row, asked.tokens).heads):
        whole = torch.cat([pad(v, (0, tokens - v.shape[-1])) for _, _, v in heads.blocks()], dim=1)
        for place in torch.ones(whole.shape).tril().nonzero().tolist():
            head, target, source = place
            if source:  # the opening token
                values[layer, head, source, target] = whole[head, target, source].item()
    assert found.all_edges == len(values)
    best = sorted(values, key=lambda edge: -abs(values[edge]))[:24]
    assert [(e.layer, e.head, e.source, e.target) for e in found.edges] == best
    assert [e.value for e in found.edges] == pytest.approx([values[edge] for edge in best])


@pytest.mark.usefixtures("few")
def test_what_is_left_when_all_other_edges_are_cut(llama: LanguageModel) -> None:
    asked = asking(llama, CONTEXT, ANSWERS)
    found = graph(State(llama), asked)
    none, first, _ = found.kept
    assert none.faithfulness == 0 and none.m == none.random_m and none.edges == 0
    assert first.ratio == pytest.approx(first.m / found.m)
    assert first.faithfulness == pytest.approx((first.m - none.m) / (found.m - none.m))
    assert first.m not in (none.m, found.m, first.random_m)
    again = graph(State(llama), asked)
    assert again == found  # what is drawn at random, too


def test_edges_drawn_at_random_are_edges(llama: LanguageModel) -> None:
    asked = asking(llama, "A red", ANSWERS)
    edges = graphs._Edges(flow(llama, asked.row, asked.tokens), len(llama.start))
    drawn = edges.drawn(10**6).tolist()
    assert len({tuple(edge) for edge in drawn}) == edges.count == 3 * 4 * 6 * 7 // 2
    assert all(1 <= source <= target < len(asked.row) for _, _, target, source in drawn)


@pytest.mark.parametrize(
    ("context", "answers", "message"),
    [
        ("  ", ANSWERS, "the context is empty"),
        (CONTEXT, ("door", " "), "an answer is empty"),
        (CONTEXT, ("door", "dog"), "share their first token"),
        (CONTEXT, ("door", "door"), "share their first token"),
        ("long " * 500, ANSWERS, "a context of 25.. tokens, but tiny:llama reads 2048: shorten"),
    ],
)
def test_what_cannot_be_asked(
    llama: LanguageModel, context: str, answers: tuple[str, str], message: str
) -> None:
    with pytest.raises(LithoError, match=message):
        asking(llama, context, answers)
