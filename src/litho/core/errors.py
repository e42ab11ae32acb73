"""Errors that reach the user as one sentence instead of a traceback."""


class LithoError(Exception):
    """Unusable input; the message names what is wrong and how to mend it."""

    exit_code = 2


class Interrupted(LithoError):
    """The run was stopped by the user and can be resumed."""

    exit_code = 3
