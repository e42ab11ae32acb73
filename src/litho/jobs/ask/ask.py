"""One question to several voices: the base, the adapter, the open book, retrieval."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from litho.core.errors import LithoError
from litho.core.runs import RunDirectory
from litho.jobs.ask.result import VOICES, Answers, Voice
from litho.jobs.ask.retrieval import nearest
from litho.jobs.ask.said import SaidToken, said_tokens
from litho.jobs.base import CARRYING, same_base
from litho.jobs.models import Models
from litho.jobs.spec import DEFAULT_DEVICE, Device
from litho.model.adapters import saved
from litho.model.read.chat import Message, chat_ids, question, reply
from litho.text.pages import pages_in
from litho.text.sentences import paragraphs

ADAPTER = "imprint"
TOKENS = 80  # of an answer, at most
NEAREST = 2  # paragraphs that retrieval reads

Said = Callable[[Voice, str], object]


class Asked:
    """A printed text and its model, to be asked.

    `base` and `adapter` read the conversation alone, `openbook` the text in front of it,
    `retrieval` the paragraphs of the text that are nearest to the last question.
    """

    def __init__(self, run: Path, device: Device = DEFAULT_DEVICE) -> None:
        """Raises LithoError if `run` is no finished imprint, or its model has changed."""
        directory = RunDirectory.opened(run)
        with directory.damage_told():
            manifest: dict[str, Any] = directory.read_yaml("manifest.yaml")
            if manifest["command"] not in CARRYING:
                raise LithoError(f"{run} is a run of 'litho {manifest['command']}', not of imprint")
            inputs = directory.read_json("inputs.json")
            name = same_base(inputs, manifest)
            self._texts = [page.text for page in pages_in(inputs)]
        models = Models()
        models.place(device)
        self.model = models.load(name)
        saved.load(self.model, ADAPTER, directory.path / "adapter")
        self._said: dict[Voice, list[Message]] = {voice: [] for voice in VOICES}
        self._latest: dict[Voice, tuple[list[Message], str]] = {}  # conversation and its answer

    def ask(
        self,
        content: str,
        voices: Sequence[Voice] = VOICES,
        tokens: int = TOKENS,
        said: Said | None = None,
    ) -> Answers:
        """Answers to a question, after those that were asked before; each voice has its own past.

        `tokens`: at most, of an answer. `said` is called with each piece of an answer as it comes.
        Raises LithoError if conversation and answer are longer than the context.
        """
        if not content.strip():
            raise LithoError("the question is empty")
        parts = [part for text in self._texts for part in paragraphs(text)]
        read = nearest(parts, content, NEAREST) if "retrieval" in voices else []
        pages = {"openbook": self._book(content, tokens), "retrieval": "\n\n".join(read)}
        answers, counts = dict[Voice, str](), dict[Voice, int]()
        self._latest = {}
        for voice in voices:
            messages = self._messages(voice, content, pages.get(voice, ""))
            counts[voice] = len(chat_ids(self.model, messages))
            with self.model.state(ADAPTER if voice == "adapter" else None):
                tell = partial(said, voice) if said else None
                answers[voice] = reply(self.model, messages, tokens, tell)
            self._latest[voice] = messages, answers[voice]
            self._said[voice] += [
                question(content),
                {"role": "assistant", "content": answers[voice]},
            ]
        return Answers(question=content, answers=answers, retrieved=tuple(read), tokens=counts)

    def surprises(self) -> dict[Voice, tuple[SaidToken, ...]]:
        """Tokens of the latest answers, each read by the voice that gave it."""
        found: dict[Voice, tuple[SaidToken, ...]] = {}
        for voice, (messages, answer) in self._latest.items():
            with self.model.state(ADAPTER if voice == "adapter" else None):
                found[voice] = said_tokens(self.model, messages, answer)
        return found

    def _book(self, content: str, tokens: int) -> str:
        """All pages or, if they leave no room for question and answer, the nearest one."""
        whole = "\n\n".join(self._texts)
        fits = len(chat_ids(self.model, [question(content, whole)])) + tokens <= self.model.context
        return whole if fits or len(self._texts) == 1 else nearest(self._texts, content, 1)[0]

    def _messages(self, voice: Voice, content: str, page: str) -> list[Message]:
        """The conversation of a voice with its page in front of the first question."""
        past = [*self._said[voice], question(content)]
        return [question(past[0]["content"], page), *past[1:]]


def ask(
    run: Path,
    content: str,
    *,
    voices: Sequence[Voice] = VOICES,
    tokens: int = TOKENS,
    device: str | Device = "auto",
) -> Answers:
    """Ask the model of a finished imprint one question, before and after and with the text.

    Raises LithoError if there is no such run, or the question does not fit into the context.
    """
    where = Device(name=device) if isinstance(device, str) else device
    return Asked(run, where).ask(content, voices, tokens)
