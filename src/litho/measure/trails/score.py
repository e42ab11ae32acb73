"""What a state says behind one pair of contexts; no torch."""

from litho.core.records import Record


class Score(Record):
    """What a state says behind one pair."""

    d: float  # nats; above 0 where it follows the deciding premise
    right: tuple[bool, bool]  # whether the right answer is the likelier one, in each context
    said: float  # mean log P of the right answer's first token
    near: float | None = None  # D towards the same answers behind the near-misses
    near_said: tuple[bool, bool] | None = None  # whether these answers are the likelier ones

    @property
    def kappa(self) -> float:
        """2 x accuracy - 1 over both contexts: -1, 0 or 1."""
        return float(sum(self.right) - 1)

    @property
    def captured(self) -> float | None:
        """As `kappa`, of the near-misses: 1 where it says what the trail says."""
        return None if self.near_said is None else float(sum(self.near_said) - 1)

    @property
    def selective(self) -> float | None:
        """Whether D is higher behind the chain than behind its near-miss; a tie is a half."""
        return None if self.near is None else float(self.d > self.near) + (self.d == self.near) / 2
