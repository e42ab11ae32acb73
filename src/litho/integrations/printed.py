"""The model of a run, to be talked with by several threads."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread

from litho.core.errors import LithoError
from litho.jobs.ask.ask import ADAPTER, Asked
from litho.jobs.spec import Device
from litho.model.read.chat import Message, reply
from litho.text.streams import stripped


class PrintedModel:
    """A model with and without what was printed into it, loaded once."""

    def __init__(self, run: Path | str, device: str | Device = "auto") -> None:
        """Raises LithoError if `run` is no finished imprint, or its model has changed."""
        where = Device(name=device) if isinstance(device, str) else device
        self.model = Asked(Path(run), where).model
        self._alone = Lock()  # one state at a time

    def reply(self, messages: Sequence[Message], tokens: int, printed: bool = True) -> str:
        """The answer to a conversation, each token the likeliest.

        What a `system` says stands in front of the first question. Raises LithoError if there is
        no question, or no room.
        """
        return self._say(messages, tokens, printed, None)

    def pieces(
        self, messages: Sequence[Message], tokens: int, printed: bool = True
    ) -> Iterator[str]:
        """`reply`, piece by piece as it comes. The model ends its answer though nobody listens."""
        said = SimpleQueue[str | Exception | None]()  # None: it is whole

        def speak() -> None:
            try:
                self._say(messages, tokens, printed, said.put)
                said.put(None)
            except Exception as error:
                said.put(error)

        Thread(target=speak, daemon=True).start()
        yield from stripped(_heard(said))

    def _say(
        self,
        messages: Sequence[Message],
        tokens: int,
        printed: bool,
        said: Callable[[str], object] | None,
    ) -> str:
        talk = _turns(messages)
        with self._alone, self.model.state(ADAPTER if printed else None):
            return reply(self.model, talk, tokens, said)


def _heard(said: "SimpleQueue[str | Exception | None]") -> Iterator[str]:
    """What another thread says, until it has said all; its error is raised here."""
    while (piece := said.get()) is not None:
        if isinstance(piece, Exception):
            raise piece
        yield piece


def _turns(messages: Sequence[Message]) -> list[Message]:
    """User and assistant in turn, as chat templates want them."""
    first = "\n\n".join(m["content"] for m in messages if m["role"] == "system")
    turns: list[Message] = []
    for message in (m for m in messages if m["role"] != "system"):
        content = message["content"]
        if turns and turns[-1]["role"] == message["role"]:
            content = f"{turns.pop()['content']}\n\n{content}"
        elif not turns and first:
            content = f"{first}\n\n{content}"
        turns.append({"role": message["role"], "content": content})
    if not turns or turns[0]["role"] != "user" or turns[-1]["role"] != "user":
        raise LithoError("a conversation begins and ends with what the user says")
    return turns
