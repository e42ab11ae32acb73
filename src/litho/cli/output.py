"""Standard output and standard error that stop no work: what cannot be written is left out."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

from litho.core.errors import LithoError

if TYPE_CHECKING:
    from pathlib import Path


class Output:
    """A stream that goes on where nothing can be written any more, and keeps the reason."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.error: OSError | None = None  # the first one

    def write(self, text: str) -> int:
        """Characters that the stream's encoding lacks are written as escapes."""
        try:
            self._stream.write(text)
        except UnicodeEncodeError as error:
            self.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
        except OSError as error:
            self._give_up(error)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Let what is left, Python's own buffer included, go nowhere."""
        self.error = self.error or error
        with suppress(OSError):  # streams that are no files fail, too
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    @property
    def lost(self) -> str:
        """Why something was not written; empty where the reader had enough and went away."""
        if self.error is None or isinstance(self.error, BrokenPipeError):
            return ""
        return self.error.strerror or str(self.error)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever the stream has
        return getattr(self._stream, name)


@contextmanager
def lenient_streams() -> Iterator[None]:
    """Standard output and standard error are an `Output` each inside the block."""
    before = sys.stdout, sys.stderr
    for name in ("stdout", "stderr"):
        if (stream := getattr(sys, name)) is not None:  # None: closed from the start
            setattr(sys, name, Output(stream))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def check_written(run: "Path | None" = None) -> None:
    """Raises LithoError if standard output took less than it was given.

    `run`: the folder of the finished run whose result was written.
    """
    output = cast("Output", sys.stdout)
    if not isinstance(output, Output):
        return
    output.flush()
    if lost := output.lost:
        output.error = None  # it is told once
        where = f"; the run is finished: {run}" if run else ""
        raise LithoError(f"standard output cannot be written ({lost}){where}")


def json_text(value: object) -> str:
    """JSON in one line, with escapes for what standard output cannot encode."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(value)
    return text
