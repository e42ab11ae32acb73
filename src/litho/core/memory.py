"""How the process gets its memory from the system."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of glibc's malloc.h
_LIMIT = 1 << 30


def keep_freed_memory() -> None:
    """Let glibc keep what is freed for the next array instead of giving it back to the system.

    torch on CPU allocates a new array for every result. Getting each of them from the system page
    by page takes a tenth of the time of a reading. Elsewhere than on Linux nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt:
        mallopt(_MMAP_THRESHOLD, _LIMIT)
        mallopt(_TRIM_THRESHOLD, _LIMIT)
