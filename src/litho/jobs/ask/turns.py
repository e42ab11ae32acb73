"""A question to the roles of a school, which speak in turn."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from litho.core.errors import LithoError
from litho.core.runs import RunDirectory
from litho.jobs.ask.result import Spoken, Turns
from litho.jobs.models import Models
from litho.jobs.spec import DEFAULT_DEVICE, Device
from litho.measure.school.loop import cast_of
from litho.measure.school.voices import objects, spoken, sureness, turn
from litho.model.adapters import saved
from litho.model.sources import locate
from litho.text.school.training import SINGLE

ADAPTERS = "adapters"  # of a run of `litho roles`

SaidTurn = Callable[[Spoken], object]


class Turned:
    """A school's model and its roles, to be asked."""

    def __init__(self, run: Path, roles: Sequence[str], device: Device = DEFAULT_DEVICE) -> None:
        """Raises LithoError if `run` is no run of `litho roles`, or a role has no adapter in it."""
        directory = RunDirectory.opened(run)
        with directory.damage_told():
            manifest: dict[str, Any] = directory.read_yaml("manifest.yaml")
            if manifest["command"] != "roles":
                raise LithoError(
                    f"{run} is a run of 'litho {manifest['command']}' and has no roles: train "
                    "some on a school with 'litho roles RUN', and ask that run"
                )
            name = str(Path(directory.read_json("inputs.json")["school"]) / "model")
            cast = cast_of(directory.read_json("metrics.json").get("cast"))
        folder = directory.path / ADAPTERS
        known = sorted(each.name for each in folder.glob("*") if each.name != SINGLE)
        if missing := [role for role in roles if role not in known]:
            raise LithoError(
                f"{run} has no adapter for the role {missing[0]!r} (choose from {', '.join(known)})"
            )
        if locate(name).sha256() != manifest["model"]["sha256"]:
            raise LithoError(
                f"the model {name} is not the one whose roles these are: put the old weights back"
            )
        models = Models()
        models.place(device)
        self.model, self.roles, self.cast = models.load(name), tuple(roles), cast
        for role in dict.fromkeys(roles):
            saved.load(self.model, role, folder / role)

    def ask(self, content: str, said: SaidTurn | None = None) -> Turns:
        """What each role says, the next one having heard those before.

        `said` is called with each turn as it comes. Raises LithoError if there is nothing to say.
        """
        if not content.strip():
            raise LithoError("the question is empty")
        transcript = turn("", self.cast.asks, " ".join(content.split()))
        turns: list[Spoken] = []
        for role in self.roles:
            waiting = turn(transcript, role)
            if len(self.model.encode(waiting)) >= self.model.context:
                raise LithoError(
                    f"question and answers are longer than the {self.model.context} tokens that "
                    "the model reads: ask in fewer words, or fewer roles"
                )
            with self.model.state(role):
                (line,) = spoken(self.model, [waiting])
                (sure,) = sureness(self.model, [waiting], [line])
            turns.append(Spoken(role=role, said=line, sure=sure if line else None))
            if said:
                said(turns[-1])
            transcript = turn(transcript, role, line)
        return Turns(
            question=content,
            turns=tuple(turns),
            answer=turns[-1].said,
            last_word=turns[-1].role,
            transition="fixed",
            objected=any(objects(each.said) for each in turns if each.role == self.cast.objects),
        )


def ask_roles(
    run: Path, content: str, roles: Sequence[str], *, device: str | Device = "auto"
) -> Turns:
    """Ask the roles of a finished run of `litho roles` one question, one after the other.

    Raises LithoError if there is no such run, or no adapter for a role.
    """
    where = Device(name=device) if isinstance(device, str) else device
    return Turned(run, roles, where).ask(content)
