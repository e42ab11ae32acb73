"""The adapter of a run, or the merged model, with its card on the Hugging Face Hub."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from huggingface_hub import HfApi
from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # of its HTTP library

from litho.core.errors import LithoError, first_line
from litho.jobs.export.card import card
from litho.jobs.export.export import export
from litho.jobs.export.printed import Printed, licence_of, printed_in
from litho.jobs.export.result import PlannedFile, PushPlan, PushResult
from litho.model.adapters import files

REPORT = "report.html"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*\Z", re.ASCII)


class Parcel:
    """What is to be uploaded, in a folder of its own, and what would go with it."""

    def __init__(self, folder: Path, plan: PushPlan) -> None:
        self.folder, self.plan = folder, plan

    def send(self) -> PushResult:
        """Upload it. Raises LithoError if the hub refuses."""
        api = HfApi()
        try:
            url = api.create_repo(self.plan.repository, private=not self.plan.public, exist_ok=True)
            api.upload_folder(
                repo_id=self.plan.repository,
                folder_path=self.folder,
                commit_message="Printed with Litho",
            )
        except (HTTPError, OSError, ValueError) as error:
            raise LithoError(
                f"the hub did not take {self.plan.repository} ({first_line(error)[:300]}): check "
                "the name and 'hf auth login'"
            ) from None
        return PushResult(**self.plan.model_dump(), url=str(url))


@contextmanager
def packed(
    run: Path, repository: str, *, public: bool = False, merged: bool = False, pages: bool = False
) -> Iterator[Parcel]:
    """Prepare what `push` uploads; nothing has left the machine then.

    Raises LithoError if there is no such run, or the name is none.
    """
    _check_name(repository)
    printed = printed_in(run)
    with TemporaryDirectory(prefix="litho-push-") as temporary:
        folder = Path(temporary) / "parcel"
        if merged:
            export(run, folder)
        else:
            _copy_adapter(printed, folder)
        kind = "merged" if merged else "adapter"
        text = card(printed, repository, kind, licence_of(printed))
        (folder / "README.md").write_text(text, encoding="utf-8")
        if pages:
            _copy_pages(printed, folder)
        yield Parcel(folder, _plan(folder, repository, public, printed, pages))


def _check_name(repository: str) -> None:
    if not _NAME.match(repository):
        raise LithoError("the name of a repository on the hub is ORG/NAME, such as me/handbook")


def _copy_adapter(printed: Printed, folder: Path) -> None:
    """The adapter, naming its base as the hub knows it instead of by a path of this machine."""
    folder.mkdir(parents=True)
    shutil.copyfile(printed.adapter / files.WEIGHTS, folder / files.WEIGHTS)
    settings = files.settings(printed.adapter)
    settings["base_model_name_or_path"] = printed.base or Path(printed.model).name
    (folder / files.CONFIG).write_text(json.dumps(settings, indent=1), encoding="utf-8")


def _copy_pages(printed: Printed, folder: Path) -> None:
    for number, page in enumerate(printed.pages, 1):
        (folder / "pages").mkdir(exist_ok=True)
        name = f"{number:03d}-{Path(page.name).name}"
        (folder / "pages" / name).write_text(page.text, encoding="utf-8")
    if (printed.folder / REPORT).is_file():
        shutil.copyfile(printed.folder / REPORT, folder / REPORT)


def _plan(folder: Path, repository: str, public: bool, printed: Printed, pages: bool) -> PushPlan:
    there = sorted(path for path in folder.rglob("*") if path.is_file())
    notices = ["the model can say what was printed: whoever may read the repository can ask it"]
    if not pages:
        notices.append("the pages and the report, which quotes them, stay here (--pages)")
    if printed.base is None:
        notices.append(f"the base {printed.model} has no name on the hub that is known: say it")
    return PushPlan(
        repository=repository,
        public=public,
        files=tuple(
            PlannedFile(name=path.relative_to(folder).as_posix(), size=path.stat().st_size)
            for path in there
        ),
        notices=tuple(notices),
    )
