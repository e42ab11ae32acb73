"""The texts that come with Litho: prose, openings and neighbour facts."""

from importlib.resources import files

from litho.text.items import Probe, read_probe_lines

SHIPPED = files("litho.text") / "passages"


def shipped_retention() -> str:
    """A few pages of plain prose."""
    return (SHIPPED / "retention.md").read_text(encoding="utf-8")


def shipped_neighbours() -> list[Probe]:
    """General facts that printing a text should leave as they are."""
    return read_probe_lines(
        (SHIPPED / "neighbours.jsonl").read_text(encoding="utf-8"), "neighbours.jsonl"
    )


def unrelated_prefixes() -> list[str]:
    """Openings that no printed word should follow more readily than before."""
    return shipped_lines("prefixes.txt")


def everyday_questions() -> list[str]:
    """What people ask a model that talks, and what no page that is printed is about."""
    return shipped_lines("questions.txt")


def shipped_prose() -> dict[str, list[str]]:
    """Passages of about a hundred words by the kind of writing, such as `letter` or `code`."""
    files = [file for file in (SHIPPED / "prose").iterdir() if file.name.endswith(".txt")]
    return {
        file.name.removesuffix(".txt"): file.read_text(encoding="utf-8").strip().split("\n***\n")
        for file in sorted(files, key=lambda file: file.name)
    }


def shipped_lines(name: str) -> list[str]:
    return (SHIPPED / name).read_text(encoding="utf-8").splitlines()
