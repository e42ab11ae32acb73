"""How alike trails are: sums by role against single edges, and cosines by hand."""

import random
from collections.abc import Callable

import pytest
import torch

from litho.measure.trails.asked import apart, asked
from litho.measure.trails.weaving import ROLES, check_woven, likeness, roles_of, woven
from litho.model.loaded import LanguageModel
from litho.model.watch.flow import flow
from litho.text.trails.chains import Draw, Pair, draw
from litho.text.trails.library import parse_library
from tests.builders import TRAILS

LIBRARY = parse_library(TRAILS, "trails.yaml")


def pair_for(model: LanguageModel) -> Pair:
    return draw(LIBRARY, LIBRARY.forms[0], Draw(0, True), random.Random(3), apart(model))


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_sums_by_role_are_those_of_all_edges(
    name: str, make_model: Callable[[str], LanguageModel]
) -> None:
    model = make_model(name)
    pair = pair_for(model)
    chain = asked(model, pair)
    found = woven(model, pair, chain)
    slow = torch.zeros_like(found)
    for context, row, tokens in zip(
        pair.contexts, chain.rows, (chain.tokens, chain.tokens[::-1]), strict=True
    ):
        roles = roles_of(model, context, len(row)).tolist()
        for layer, heads in enumerate(flow(model, row, tokens).heads):
            for start, _, flow_HNS in heads.blocks():
                for head, looking_NS in enumerate(flow_HNS.tolist()):
                    for n, seen in enumerate(looking_NS):
                        for s, value in enumerate(seen):
                            slow[layer, head, roles[start + n], roles[s]] += value / 2
    torch.testing.assert_close(found, slow, atol=1e-5, rtol=1e-4)


def test_roles_are_those_of_the_words(llama: LanguageModel) -> None:
    pair = pair_for(llama)
    context, row = pair.contexts[0], asked(llama, pair).rows[0]
    roles = roles_of(llama, context, len(row)).tolist()
    assert ROLES[roles[-1]] == "place" and roles.count(ROLES.index("place")) == 1
    said = dict.fromkeys(ROLES, "")
    for token, role in zip(row, roles, strict=True):
        said[ROLES[role]] += llama.decode([token])
    for role in ("condition", "consequent", "fact", "connective"):
        words = [context.text[s.start : s.end] for s in context.spans if s.role == role]
        assert said[role] == "".join(words)


def test_likeness_by_hand() -> None:
    one, other = torch.tensor([3.0, 4.0]), torch.tensor([4.0, -3.0])
    found = likeness([(one, 2 * one), (other, other + one)])
    assert found[0][0] == pytest.approx(1) and found[1][1] == pytest.approx(0.5**0.5)
    assert found[0][1] == found[1][0] == pytest.approx(0.5**0.5 / 2)


def test_a_model_without_attention_has_no_map(make_model: Callable[[str], LanguageModel]) -> None:
    mamba = make_model("mamba")
    said = check_woven(mamba, asked(mamba, pair_for(mamba)))
    assert said and "cannot be watched" in said
