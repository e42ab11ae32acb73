"""What repeated runs agree on, by hand."""

from litho.measure.agreement import rank_agreement, tally


def test_agreement_of_ranks_by_hand() -> None:
    first = {"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0], "c": [0.0, 0.0, 0.0], "d": [1.0, 2.0, 3.0]}
    second = {"a": [10.0, 20.0, 30.0], "b": [3.0, 2.0, 1.0], "c": [1.0, 2.0, 3.0]}
    found = rank_agreement([first, second])  # 1 and -1; c says nothing, d has no second
    assert (found.value, found.n) == (0.0, 2)
    assert rank_agreement([first]).value is None


def test_claims_by_hand() -> None:
    one = [{"a": [1.0, -1.0, 1.0, 1.0]}, {"a": [2.0, -2.0, -1.0, 1.0]}]  # the third is no claim
    two = [{"a": [1.0, 1.0, 1.0, 0.0]}, {"a": [1.0, 1.0, 1.0, 0.0]}]
    found = tally([one, two])
    assert (found.made, found.replicated, found.contradicted) == (4, 1, 1)
    assert tally([one[:1]]).made == 0  # one seed claims nothing
