"""A finished imprint from which a rewriting goes on: its files, and what it showed."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from litho.core.errors import LithoError
from litho.core.files import whole_file, whole_folder
from litho.core.runs import INPUTS, MANIFEST, METRICS, RunDirectory
from litho.jobs.imprint.config import ImprintSpec
from litho.jobs.imprint.result import ImprintResult
from litho.model.adapters import files

ADAPTER = "adapter"
_STAGES = (
    "plan",
    "questions",
    "bridges",
    "rhythm",
    "talk",
    "replay",
    "baseline",
    "depth",
    "slices",
)
_NEEDED = ("baseline.json", "depth.json")


@dataclass(frozen=True)
class Printed:
    """A run of `litho imprint`."""

    path: Path
    inputs: ImprintSpec
    result: ImprintResult
    gib: float  # memory that it was expected to take

    @classmethod
    def opened(cls, path: Path) -> "Printed":
        """Raises LithoError if it is none, or not finished, or files of it are missing."""
        path = path.absolute()
        run = RunDirectory.opened(path)
        with run.damage_told():
            manifest = run.read_yaml(MANIFEST)
            if manifest["command"] != "imprint":
                raise LithoError(f"{path} is no run of litho imprint: give the folder of one")
            inputs = ImprintSpec(**run.read_json(INPUTS), config=manifest["config"])
            result = ImprintResult(**run.read_json(METRICS))
            printed = cls(path, inputs, result, float(manifest["expected"]["gib"]))
        printed._check_files()
        return printed

    def keep_in(self, folder: Path, adapter: Path) -> None:
        """Copy all that goes on into a run, and the adapter to `adapter`.

        Raises LithoError if that is another one by now.
        """
        self._check_adapter()
        for stage in self._stages():
            with whole_file(folder / stage.name) as half:
                shutil.copyfile(stage, half)
        with whole_folder(adapter) as half:
            shutil.copytree(self.path / ADAPTER, half, dirs_exist_ok=True)

    def _stages(self) -> list[Path]:
        return [p for p in sorted(self.path.glob("*.json")) if p.stem.split("-")[0] in _STAGES]

    def _check_files(self) -> None:
        there = {path.name for path in self._stages()}
        plans = sum(name.startswith("plan") for name in there)
        if plans != len(self.inputs.printed) or not there.issuperset(_NEEDED):
            raise LithoError(
                f"{self.path} lacks its plan, baseline.json or depth.json, from which printing "
                "would go on: print the pages again"
            )
        self._check_adapter()

    def _check_adapter(self) -> None:
        folder = self.path / ADAPTER
        files.settings(folder)  # there is one
        if files.adapter_sha256(folder) != self.result.adapter_sha256:
            raise LithoError(f"the adapter {folder} is not the one that was measured in this run")
