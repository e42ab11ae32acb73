"""What the functions of `litho.api` take, in each of the forms that it may have."""

import glob
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, Any, TypeVar

from litho.core.config import Config, make_config
from litho.core.encoding import half_of_pair
from litho.core.errors import LithoError
from litho.core.reporter import Event, Listener, Reporter, Silent
from litho.jobs.diff.config import OtherText
from litho.jobs.ensemble.config import EnsembleSpec, read_plan
from litho.jobs.spec import Device
from litho.text import markup
from litho.text.documents import read_text
from litho.text.items import Probe, read_probes
from litho.text.pages import Page, page_files, probes_beside

if TYPE_CHECKING:
    from litho.jobs.workers import Workers
    from litho.model.loaded import LanguageModel

Text = str | Path
Probes = Path | Sequence[Probe]
Progress = Callable[[Event], object]
Settings = TypeVar("Settings", bound=Config)
_chosen: set[Path] = set()  # default folders whose runs have not begun
_BLANK_LINES = re.compile(r"\A(?:[^\S\n]*\n)+")  # the first line keeps its indentation


def default_folder(name: str, ending: str = "") -> Path:
    """`runs/NAME-DATE-TIME`, with a number at the end if that second has one already."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    full = "-".join(part for part in (Path(name).stem, ending, stamp) if part)
    taken = len(list(Path("runs").glob(f"{glob.escape(full)}*")))
    folder = Path("runs") / (f"{full}-{taken + 1}" if taken else full)
    _chosen.add(folder)
    return folder


def was_chosen(out: Path) -> bool:
    """Whether nobody named the folder of a run that begins now."""
    chosen = out in _chosen
    _chosen.discard(out)
    return chosen


def device_given(device: str | Device) -> Device:
    return Device(name=device) if isinstance(device, str) else device


def model_name(model: "str | LanguageModel") -> str:
    return model if isinstance(model, str) else model.source.name


def settings_given(
    kind: type[Settings], config: Settings | None, settings: Mapping[str, Any]
) -> Settings:
    if config is None:
        return make_config(kind, settings)
    if settings:
        raise LithoError(f"give either config or settings by name, such as {min(settings)}")
    return config


def read_given(text: Text) -> tuple[str, str]:
    """A text and what it is called."""
    if isinstance(text, Path):
        return read_text(text), os.fsencode(text.name).decode("utf-8", "replace")
    if not text.strip():
        raise LithoError("the text is empty: give at least one sentence")
    if half := half_of_pair(text):
        raise LithoError(f"the text holds {half}, which is no character: mend it")
    return text, "text"


def trimmed_text(text: Text) -> tuple[str, str]:
    """A text as it stands, without blank lines before it and white space behind it."""
    content, name = read_given(text)
    return _BLANK_LINES.sub("", content).rstrip(), name


def text_to_read(text: Text, marks: bool) -> tuple[str, str]:
    """A text as it stands or, with `marks`, as it is read without the choices of its marks."""
    content, name = trimmed_text(text)
    return markup.plain(markup.parse(content)) if marks else content, name


def other_text(text: Text | None, name: str, marks: bool) -> OtherText | None:
    if text is None:
        return None
    content, own = text_to_read(text, marks)
    return OtherText(text=content, name=own if isinstance(text, Path) else name)


def folder_given(out: Path | None, name: str, command: str = "") -> Path:
    return out or default_folder(name, command)


def pages_given(
    texts: Text | Sequence[Text], probes: Probes | Mapping[str, Probes] | None
) -> tuple[list[Page], list[str]]:
    """Pages with their probes, and notices on the files that were read or passed over.

    Raises LithoError if probes belong to no page, or it is not said to which.
    """
    given = [texts] if isinstance(texts, str | Path) else list(texts)
    files, others = page_files([text for text in given if isinstance(text, Path)])
    if not given:
        raise LithoError("there is no page to print: give at least one")
    written = [text for text in given if isinstance(text, str)]
    notices = [f"passed over, since they are no pages: {', '.join(others)}"] if others else []
    pages = [_page(text) for text in files] + [_page(text) for text in written]
    if len(written) > 1:
        first = len(files)
        pages[first:] = [
            page.model_copy(update={"name": f"text {n}"}) for n, page in enumerate(pages[first:], 1)
        ]
    if probes is not None:
        return _with_probes(pages, probes), notices
    for i, file in enumerate(files):
        own, read = probes_beside(file)
        if own is not None:
            pages[i] = pages[i].model_copy(update={"probes": tuple(own)})
            notices.append(f"probes of {pages[i].name}: {', '.join(read)}")
    return pages, notices


def texts_given(texts: Text | Sequence[Text]) -> list[str]:
    """The contents of texts, files, and files in folders that end in .md or .txt."""
    given = [texts] if isinstance(texts, str | Path) else list(texts)
    files, _ = page_files([text for text in given if isinstance(text, Path)])
    written = [text for text in given if isinstance(text, str)]
    return [trimmed_text(file)[0] for file in files] + [trimmed_text(text)[0] for text in written]


def _page(text: Text) -> Page:
    content, name = trimmed_text(text)
    plain = markup.plain(markup.parse(content))
    return Page(name=name, text=plain, marked=content if "[[" in content else None)


def _with_probes(pages: list[Page], probes: Probes | Mapping[str, Probes]) -> list[Page]:
    if not isinstance(probes, Mapping):
        if len(pages) > 1:
            raise LithoError(
                "one set of probes, but several pages: put NAME.probes.jsonl beside each NAME.md, "
                "or give probes by the name of the page (Python)"
            )
        probes = {pages[0].name: probes}
    if unknown := probes.keys() - {page.name for page in pages}:
        known = ", ".join(page.name for page in pages)
        raise LithoError(f"there is no page {min(unknown)!r} for these probes: there are {known}")
    return [
        page.model_copy(update={"probes": _read(probes[page.name])})
        if page.name in probes
        else page
        for page in pages
    ]


def _read(probes: Probes) -> tuple[Probe, ...]:
    return tuple(read_probes(probes) if isinstance(probes, Path) else probes)


def plan_given(plan: Path | EnsembleSpec, device: str | Device) -> EnsembleSpec:
    if isinstance(plan, Path):
        return read_plan(plan, device=device_given(device))
    return plan.model_copy(update={"device": device_given(device)})


def reporter_given(progress: Progress | None, cancel: Flag | None) -> Reporter:
    if progress is None and cancel is None:
        return Silent()
    return Listener(progress or (lambda event: None), cancel.is_set if cancel else lambda: False)


def workers_given(cluster: str | None, processes: int) -> "Workers":
    """Raises LithoError if there is no such cluster."""
    from litho.core.executors import check_cluster
    from litho.jobs.workers import Workers

    if cluster and processes > 1:
        raise LithoError("a cluster and processes exclude each other: give one of them")
    if cluster:
        check_cluster(cluster)
    return Workers(cluster, processes)
