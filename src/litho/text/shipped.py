"""The texts that come with Litho: prose, openings and neighbour facts."""

from importlib.resources import files

SHIPPED = files("litho.text") / "passages"


def shipped_retention() -> str:
    """A few pages of plain prose."""
    return (SHIPPED / "retention.md").read_text(encoding="utf-8")


def unrelated_prefixes() -> list[str]:
    """Openings that no printed word should follow more readily than before."""
    return shipped_lines("prefixes.txt")


def shipped_lines(name: str) -> list[str]:
    return (SHIPPED / name).read_text(encoding="utf-8").splitlines()
