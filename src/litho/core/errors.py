"""Errors that reach the user as one sentence instead of a traceback."""

import errno
import resource
import shlex

SHORT_OF_MEMORY = (
    "the memory is not enough: close other programs, or choose a shorter text, a smaller model, "
    "--dtype bfloat16, --bits 4 or fewer --processes"
)
_NO_MEMORY = (  # in the words of Python, libc, C++, torch and the GPU libraries below it
    "allocate memory",
    "not enough memory",
    "out of memory",
    "memoryerror",
    "bad_alloc",
    "alloc_failed",
    "unable to allocate",
    "failed to map segment",
    "can't start new thread",
)


class LithoError(Exception):
    """Unusable input; the message names what is wrong and how to mend it."""

    exit_code = 2


class Interrupted(LithoError):
    """The run was stopped by the user and can be resumed."""

    exit_code = 3


class Taken(LithoError):
    """A run is there already, or another process makes one there."""


class AlreadyDone(LithoError):
    """There is nothing left to do, and that is what was wanted."""

    exit_code = 0


class Cancelled(Exception):
    """A job was told to stop through its reporter."""


def command_told(*words: object) -> str:
    """A command of Litho in a message, as it is typed into a shell; in quotes if it has none."""
    command = shlex.join(["litho", *map(str, words)])
    return command if "'" in command else f"'{command}'"


def disk_is_full(error: BaseException) -> bool:
    """Whether `error` says so; libraries below Python wrap the operating system's error."""
    return (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)) or any(
        words in str(error) for words in ("No space left", "disk is full", "quota exceeded")
    )


def unusable_file(error: BaseException) -> str:
    """What the system says of a file that it does not let us use; empty if `error` is no such."""
    if not (isinstance(error, OSError) and error.filename and error.strerror):
        return ""
    return f"{error.filename} cannot be used ({error.strerror})"


def memory_is_short(error: BaseException) -> bool:
    """Whether `error`, or the one that led to a LithoError, says so.

    Libraries below Python raise RuntimeError and others, and only their words tell.
    """
    if isinstance(error, LithoError):  # whose own words may hold anything, such as a file's name
        return error.__context__ is not None and memory_is_short(error.__context__)
    said = str(error).lower()
    return (
        isinstance(error, MemoryError)
        or (isinstance(error, ImportError | SystemError) and _memory_is_limited())
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or any(words in said for words in _NO_MEMORY)
    )


def _memory_is_limited() -> bool:
    """Whether `ulimit -v` is set: C modules then fail to load in ways that say nothing."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return limit != resource.RLIM_INFINITY


def first_line(error: Exception) -> str:
    """The beginning of what a library says, or the kind of error if it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
