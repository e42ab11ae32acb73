"""What a process needs before it imports anything large: UTF-8, open streams, signals.

Imports nothing but what Python has loaded anyway, so that a signal finds its handler early.
"""

import os
import signal
import sys

STOPPED = "stopped: the same command begins again"


def prepare() -> None:
    """Make this process one in which a command can run."""
    hear_signals()
    _open_streams()
    _speak_utf8()


def hear_signals() -> None:
    """Stop in order, as by Ctrl-C, when the system or a closing terminal asks for it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _stop)


def ignore_signals() -> None:
    """Come to the end of what has been decided."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


class _Stopped(KeyboardInterrupt):
    """Python ends itself by SIGINT, whatever exit code it is given, once a plain KeyboardInterrupt
    has come through `exec`, as it may during imports."""


_heard: list[object] = []  # signals that asked this process to stop


def _stop(number: object, _: object) -> None:
    _heard.append(number)
    raise _Stopped


def was_stopped() -> bool:
    """Whether a signal asked to stop: libraries may have made another error of it on the way."""
    return bool(_heard)


def _open_streams() -> None:
    """Keep the numbers of closed streams from files that would then be printed into."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number


def _speak_utf8() -> None:
    """Start again in Python's UTF-8 mode under a locale that has another encoding.

    Names of files and what libraries write would be limited to that encoding.
    """
    if sys.getfilesystemencoding() != "utf-8" and sys.executable:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
