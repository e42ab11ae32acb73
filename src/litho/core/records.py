"""The base of every record that is written to a file."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Immutable; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
