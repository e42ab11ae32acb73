"""The process that keeps models loaded: `python -m litho.serve.desk_process`.

It reads one question a line, as JSON, and answers in lines of JSON; the last has a key `end`. It is
alone in knowing torch, so that the server is quick to start and lives on where memory runs out.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from litho.core.errors import SHORT_OF_MEMORY, LithoError, first_line, memory_is_short

if TYPE_CHECKING:
    from litho.jobs.ask.ask import Asked
    from litho.jobs.map.live import LiveReader

Line = dict[str, Any]
Say = Callable[[Line], None]


class Desk:
    """What is loaded, and what can be asked of it."""

    def __init__(self) -> None:
        self._reader: LiveReader | None = None
        self._asked: tuple[str, str, Asked] | None = None  # run, talk

    def answer(self, question: Mapping[str, Any], say: Say) -> Line:
        """The last line of an answer; lines before it go to `say`."""
        match question["do"]:
            case "read":
                return self._read(question)
            case "expect":
                return self._expect(question)
            case "ask":
                return self._ask(question, say)
            case "vary":
                return self._vary(question)
            case "chat":
                return self._chat(question, say)
        raise LithoError(f"nobody knows how to {question['do']}")

    @property
    def reader(self) -> "LiveReader":
        from litho.jobs.map.live import LiveReader

        if self._reader is None:
            self._reader = LiveReader()
        return self._reader

    def _read(self, question: Mapping[str, Any]) -> Line:
        adapter = question["adapter"]
        read = self.reader.read(
            question["text"], question["model"], Path(adapter) if adapter else None
        )
        return read.model_dump()

    def _expect(self, question: Mapping[str, Any]) -> Line:
        """What a job will cost, and what is to be said of it before it begins."""
        from litho.api.runs import expected
        from litho.jobs.runner import job_of

        spec = job_of(question["command"]).spec(**question["spec"])
        with self.reader.lent(list(spec.models().values())) as models:
            checked = expected(question["command"], spec, models)
        cost = checked.cost.model_dump() if checked.cost else {}
        return {**cost, "notices": list(checked.notices)}

    def _ask(self, question: Mapping[str, Any], say: Say) -> Line:
        from litho.jobs.ask.ask import Asked

        talk = str(question["run"]), str(question["talk"])
        anew = self._asked is None or self._asked[:2] != talk
        if self._asked is None or anew:
            self._asked = None  # before another model is loaded
            self._asked = *talk, Asked(Path(talk[0]))
        *_, asked = self._asked
        answers = asked.ask(
            question["question"],
            question["voices"],
            question["tokens"],
            lambda voice, piece: say({"voice": voice, "piece": piece}),
        )
        tokens = {
            voice: [token.model_dump() for token in said]
            for voice, said in asked.surprises().items()
        }
        return answers.model_dump() | {"said": tokens, "anew": anew}

    def _vary(self, question: Mapping[str, Any]) -> Line:
        """Variants of a text with their volatility, and the measure of what was refused."""
        from litho.jobs.vary.live import live_variants

        model = self.reader.opened(question["model"])
        plan = live_variants(model, question["source"], question["count"])
        return {
            "variants": [variant.model_dump() for variant in plan.variants],
            "refused": len(plan.refused),
            "tokens": [piece for scene in plan.scenes for piece in model.pieces(scene)],
        }

    def _chat(self, question: Mapping[str, Any], say: Say) -> Line:
        from litho.jobs.ask.chat import chat
        from litho.jobs.map.live import ADAPTER

        adapter = question["adapter"]
        model = self.reader.opened(question["model"], Path(adapter) if adapter else None)
        answer = chat(
            model,
            ADAPTER if adapter else None,
            question["messages"],
            question["tokens"],
            lambda piece: say({"piece": piece}),
        )
        return answer.model_dump()


def serve(questions: TextIO, answers: TextIO) -> None:
    """Answer one question after the other until there are no more."""
    desk = Desk()

    def say(line: Line) -> None:
        answers.write(json.dumps(line) + "\n")
        answers.flush()

    for line in questions:
        try:
            said = {"end": desk.answer(json.loads(line), say)}
        except LithoError as error:
            said = {"end": {"error": str(error)}}
        except Exception as error:
            short = memory_is_short(error)
            told = f"unexpected {type(error).__name__}: {first_line(error)[:300]}"
            said = {"end": {"error": SHORT_OF_MEMORY if short else told}}
        say(said)


def main() -> None:
    """What libraries print goes nowhere: the first stream is for answers alone."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # nothing that a page asks for reaches another host
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
