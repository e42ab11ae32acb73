"""Files and folders that appear whole or not at all."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from litho.core.errors import (
    LithoError,
    disk_is_full,
    first_line,
    memory_is_short,
    unusable_file,
)

WRITING = ".writing"


def refuse_device(path: Path) -> None:
    """Raises OSError on a device such as /dev/zero, whose content may have no end."""
    if path.is_char_device():
        raise OSError(errno.EINVAL, "it is a device and no file")


def check_new(path: Path) -> None:
    """Raises LithoError if there is such a file, or no folder for it."""
    if path.exists():
        raise LithoError(f"{path} exists already: choose another name")
    if not path.absolute().parent.is_dir():
        raise LithoError(f"there is no folder {path.absolute().parent}: make it first")


@contextmanager
def damage_told(what: object) -> Iterator[None]:
    """What a file makes go wrong in the block is told as damage: a LithoError that names `what`."""
    try:
        yield
    except LithoError:
        raise
    except Exception as error:  # libraries raise what they like
        if disk_is_full(error) or memory_is_short(error) or unusable_file(error):
            raise
        said = f"{type(error).__name__}: {first_line(error)[:200]}"
        raise LithoError(
            f"{what} is damaged or of another version of Litho ({said}; LITHO_DEBUG=1 shows where)"
        ) from error


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it there when the block ends without error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}{WRITING}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if str(error.filename) == str(temporary):
            error.filename = str(path)  # the name that the user knows
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder beside `path`, which takes its place when the block ends without error.

    The name of the temporary one is always the same, so that what a killed process left is gone
    with the next try.
    """
    temporary = path.with_name(f".{path.name}{WRITING}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        shutil.rmtree(path, ignore_errors=True)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
