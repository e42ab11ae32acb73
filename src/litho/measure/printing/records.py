"""What is said of a drift beside its mean; no torch."""

from pydantic import BaseModel

from litho.core.records import Record


class Expected(Record):
    """The word that a state of the model finds likeliest."""

    word: str
    probability: float


class MovedToken(Record):
    """A place of a text where training changed what the model expects."""

    context: str  # the last words before it
    word: str  # what the text goes on with
    before: Expected
    after: Expected
    kl: float  # KL(base || tuned), nats


class Written(BaseModel):
    """A row of token ids of which the untouched base wrote those from `first` on."""

    ids: list[int]
    first: int
