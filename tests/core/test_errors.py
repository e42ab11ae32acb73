"""What libraries say when the machine has too little."""

import errno

import pytest

from litho.core.errors import LithoError, disk_is_full, memory_is_short, unusable_file


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("MPS backend out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("MemoryError: "),  # sent by another process
        RuntimeError("can't start new thread"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        ValueError("Unable to allocate 8.00 GiB for an array with shape (1, 2)"),
    ],
)
def test_short_of_memory(error: Exception) -> None:
    assert memory_is_short(error) and not disk_is_full(error)
    try:
        try:
            raise error
        except type(error):
            raise LithoError("the model cannot be loaded") from None
    except LithoError as told:
        assert memory_is_short(told)


def test_what_is_not_short_of_memory() -> None:
    assert not memory_is_short(LithoError("out of memory.md cannot be read"))
    assert not memory_is_short(ValueError("too long"))


def test_files_and_disks() -> None:
    assert disk_is_full(OSError(errno.EDQUOT, "Disk quota exceeded"))
    denied = PermissionError(errno.EACCES, "Permission denied", "runs/x")
    assert unusable_file(denied) == "runs/x cannot be used (Permission denied)"
    assert unusable_file(OSError("odd")) == unusable_file(KeyError("x")) == ""
