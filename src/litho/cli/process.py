"""What a process needs before it imports anything large: UTF-8, open streams, signals.

Imports nothing but what Python has loaded anyway, so that a signal finds its handler early.
"""

import os
import signal
import sys
from types import FrameType

STOPPED = "stopped: the same command begins again"


def prepare() -> None:
    """Make this process one in which a command can run."""
    hear_signals()
    _open_streams()
    _speak_utf8()
    _wait_briefly()


def hear_signals() -> None:
    """Stop in order, as by Ctrl-C, when the system or a closing terminal asks for it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _stop)


def ignore_signals() -> None:
    """Come to the end of what has been decided."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


_heard: list[int] = []  # signals that asked this process to stop
_AGAIN_S = 0.02


def _stop(number: int, frame: FrameType | None) -> None:
    """Stop here, or soon: an exception in the middle of an import may abort the process.

    Modules in C++ let none through, and some that import on demand make another error of it.
    """
    _heard.append(number)
    if _importing(frame):
        signal.signal(signal.SIGALRM, _stop)
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
    else:
        raise KeyboardInterrupt


def _importing(frame: FrameType | None) -> bool:
    while frame:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


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


def _wait_briefly() -> None:
    """Let threads that wait for one another sleep soon: they take the cores that the others need.

    Read by GNU's OpenMP, which PyTorch has on Linux, when it is loaded. Its own 300,000 turns make
    a model many times slower beside other work; 1,000 cost about 3 % where there is none.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
