"""Errors that reach the user as one sentence instead of a traceback."""

import errno


class LithoError(Exception):
    """Unusable input; the message names what is wrong and how to mend it."""

    exit_code = 2


class Interrupted(LithoError):
    """The run was stopped by the user and can be resumed."""

    exit_code = 3


class Cancelled(Exception):
    """A job was told to stop through its reporter."""


def disk_is_full(error: BaseException) -> bool:
    """Whether `error` says so; libraries below Python wrap the operating system's error."""
    return (isinstance(error, OSError) and error.errno == errno.ENOSPC) or any(
        words in str(error) for words in ("No space left", "disk is full")
    )


def first_line(error: Exception) -> str:
    """The beginning of what a library says, or the kind of error if it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
