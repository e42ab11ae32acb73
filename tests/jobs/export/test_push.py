"""What goes to the hub, and what stays: with the real signatures, into a local folder."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HTTPError  # type: ignore[attr-defined]

import litho
from litho.jobs.export.push import packed

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the hub: calls that the real client would not take fail."""
    there = tmp_path / "hub"

    def create(repo_id: str, *, private: bool, exist_ok: bool) -> str:
        (there / repo_id).mkdir(parents=True)
        (there / repo_id / "private").write_text(str(private))
        return f"https://huggingface.co/{repo_id}"

    def upload(*, repo_id: str, folder_path: Path, commit_message: str) -> None:
        shutil.copytree(folder_path, there / repo_id, dirs_exist_ok=True)

    api: Any = create_autospec(HfApi)
    api.return_value.create_repo.side_effect = create
    api.return_value.upload_folder.side_effect = upload
    monkeypatch.setattr("litho.jobs.export.push.HfApi", api)
    return there


def uploaded(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files if path.name != "private")


def test_the_adapter_and_its_card_go_and_no_word_of_the_page(hub: Path, finished: Path) -> None:
    result = litho.push(finished, "me/clock")
    there = hub / "me/clock"
    assert (there / "private").read_text() == "True" and result.url.endswith("me/clock")
    assert uploaded(there) == ["README.md", "adapter_config.json", "adapter_model.safetensors"]
    assert [file.name for file in result.files] == uploaded(there)
    for name in ("README.md", "adapter_config.json"):
        said = (there / name).read_text()
        assert "Ostrava" not in said and str(finished) not in said and "/cache" not in said
    assert json.loads((there / "adapter_config.json").read_text())["r"] > 0
    assert 'from_pretrained(base, "me/clock")' in (there / "README.md").read_text()


def test_pages_and_the_merged_model_only_if_asked_for(hub: Path, finished: Path) -> None:
    litho.push(finished, "me/all", merged=True, pages=True, public=True)
    there = hub / "me/all"
    assert (there / "private").read_text() == "False"
    assert {"model.safetensors", "pages/001-clock.md", "report.html"} <= set(uploaded(there))
    assert "Ostrava" in (there / "pages/001-clock.md").read_text()
    assert "adapter_model.safetensors" not in uploaded(there)


def test_nothing_leaves_before_it_is_sent(hub: Path, finished: Path) -> None:
    with packed(finished, "me/clock") as parcel:
        assert parcel.folder.is_dir() and not hub.exists()
    assert not parcel.folder.exists()


def test_the_command_says_first_what_would_go(
    litho: Command, hub: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = litho("push", str(finished), "me/clock")
    assert code == 2 and "adapter_model.safetensors" in err and "nothing was uploaded" in err
    assert "can say what was printed" in err and not hub.exists()
    code, out, _ = litho("push", str(finished), "me/clock", "--yes")
    assert code == 0 and "https://huggingface.co/me/clock" in out
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for said, expected in (("n", 2), ("y", 0)):
        monkeypatch.setattr("litho.cli.export.console.input", lambda *_, said=said, **__: said)
        assert litho("push", str(finished), f"me/{said}", "--json")[0] == expected
        assert (hub / "me" / said).exists() == (said == "y")


def test_the_end_of_the_input_is_no_yes(
    litho: Command, hub: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended() -> str:
        raise EOFError

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", ended)
    code, _, err = litho("push", str(finished), "me/clock")
    assert code == 2 and "upload? [y/N]" in err and "nothing was uploaded" in err
    assert not hub.exists()


@pytest.mark.parametrize("name", ["clock", "a/b/c", "me/", "me/a b", ""])
def test_a_name_that_is_none(name: str, finished: Path) -> None:
    with pytest.raises(litho.LithoError, match="is ORG/NAME"):
        litho.push(finished, name)


def test_a_hub_that_refuses(hub: Path, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise HfHubHTTPError("401: Invalid username or password", response=Mock(headers={}))

    api = "litho.jobs.export.push.HfApi.return_value.create_repo.side_effect"
    monkeypatch.setattr(api, refuse)
    with pytest.raises(litho.LithoError, match=r"did not take me/clock .*hf auth login"):
        litho.push(finished, "me/clock")


def test_no_network(hub: Path, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise HTTPError("[Errno -2] Name or service not known")

    api = "litho.jobs.export.push.HfApi.return_value.create_repo.side_effect"
    monkeypatch.setattr(api, unreachable)
    with pytest.raises(litho.LithoError, match=r"did not take me/clock .*Name or service"):
        litho.push(finished, "me/clock")
