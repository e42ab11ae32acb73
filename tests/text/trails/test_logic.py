"""Truth tables against a table written by hand, and formulas that cannot be read."""

import pytest

from litho.text.trails.logic import entails, formula


@pytest.mark.parametrize(
    ("written", "true_in"),
    [
        ("p -> q", {(False, False), (False, True), (True, True)}),
        ("not p or q", {(False, False), (False, True), (True, True)}),
        ("not (p and q)", {(False, False), (False, True), (True, False)}),
        ("p -> q -> p", {(False, False), (False, True), (True, False), (True, True)}),
        ("p and not q or q and not p", {(False, True), (True, False)}),
    ],
)
def test_a_formula_holds_where_its_table_says(
    written: str, true_in: set[tuple[bool, bool]]
) -> None:
    holds = formula(written)
    cases = [(p, q) for p in (False, True) for q in (False, True)]
    assert {(p, q) for p, q in cases if holds({"p": p, "q": q})} == true_in


def test_what_follows_and_what_does_not() -> None:
    ponens = ["p -> A", "q -> B"]
    assert entails([*ponens, "p"], "A")
    assert not entails([*ponens, "not p"], "A")  # denied antecedent
    assert not entails([*ponens, "A"], "p")  # affirmed consequent
    assert entails([*ponens, "not A"], "not p")  # tollens
    assert not entails(["A or B", "p"], "A")
    assert entails(["A or B", "p"], "A", never=["B and p"])
    assert not entails(["p", "not p"], "A")  # from a contradiction nothing is concluded


@pytest.mark.parametrize("written", ["", "p ->", "p q", "(p", "p)", "and p", "p $ q", "not"])
def test_what_is_no_formula(written: str) -> None:
    with pytest.raises(ValueError, match=r"expected|closed"):
        formula(written)
