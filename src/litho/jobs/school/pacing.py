"""The pace of a school: texts to probe with, and what happened in another run."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from litho.core.encoding import read_utf8
from litho.core.errors import LithoError
from litho.learn.schooling.pacing import Pace
from litho.learn.schooling.probing import ProbeText
from litho.learn.schooling.records import Event
from litho.model.codec import Codec
from litho.text.school.genome import Genome
from litho.text.school.probed import probe_texts
from litho.text.school.stages import School

EVENTS = "events.json"


def pace_of(
    genome: Genome, folder: Path, codec: Codec, replayed: Sequence[Event] | None = None
) -> Pace | None:
    """None if the genome has no pacing: then it is read as it is written."""
    if genome.pacing is None:
        return None
    told = list(probe_texts(School.of(genome, folder)))
    encoded = codec.encode([each.text for each in told])
    seq = genome.train.seq
    texts = []
    for each, found in zip(told, encoded, strict=True):
        cuts = range(0, len(found.ids), seq)
        rows = tuple((codec.end_id, *found.ids[cut : cut + seq]) for cut in cuts)
        texts.append(ProbeText(each.stage, each.book, each.kind, rows, len(each.text.encode())))
    tokens = genome.train.batch_tokens // genome.train.seq * genome.train.seq
    return Pace(genome.pacing, texts, tokens, replayed)


def depends_on_pace(genome: Genome, replayed: Sequence[Event] | None) -> dict[str, Any]:
    """What the weights depend on besides; nothing, where nothing adapts."""
    if genome.pacing is None:
        return {}
    events = None if replayed is None else [event.model_dump() for event in replayed]
    return {"pacing": genome.pacing.model_dump(mode="json"), "replayed": events}


def read_events(path: Path) -> tuple[Event, ...]:
    """What happened in a run, finished or not. Raises LithoError if that is not known."""
    file = path / EVENTS if path.is_dir() else path
    if not file.is_file():
        raise LithoError(
            f"there is no {file}: --replay takes a finished run of 'litho school' whose genome has "
            "the key pacing"
        )
    try:
        return tuple(Event(**each) for each in json.loads(read_utf8(file)))
    except (ValueError, TypeError, ValidationError) as error:
        raise LithoError(f"{file} holds no events of a school ({type(error).__name__})") from None


def check_events(genome: Genome, events: Sequence[Event]) -> None:
    """Raises LithoError if a genome cannot go through the events of another run."""
    if genome.pacing is None:
        raise LithoError(
            f"{genome.id} has no key pacing: add that of the genome whose run is replayed"
        )
    stages = {stage.id for stage in genome.stages}
    for event in events:
        if event.stage not in stages and event.action != "alarm":
            raise LithoError(f"the run that is replayed has a stage {event.stage!r}, this one none")
