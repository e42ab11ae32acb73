"""Decoys."""

from litho.learn.decoys import ROW, decoy_rows
from litho.model.loaded import LanguageModel


def test_each_decoy_reads_its_own_prose(llama: LanguageModel) -> None:
    words = " ".join(f"word{i}" for i in range(2000))
    first, second = decoy_rows(llama, words)
    assert len(first) == len(second) and all(len(row) <= ROW for row in first + second)
    assert not {tuple(row) for row in first} & {tuple(row) for row in second}
