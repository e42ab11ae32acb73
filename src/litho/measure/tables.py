"""Measurements as rows of tables."""

from collections.abc import Iterable, Mapping

from litho.measure.inside.edges import strongest_edges
from litho.measure.inside.response import TokenReading
from litho.model.watch.attention import Strongest


def token_row(token: TokenReading, ending: str = "") -> dict[str, object]:
    """A token as a row of a table; what depends on the state carries `ending`."""
    return {
        "text": token.text,
        f"surprise{ending}": token.surprise,
        f"entropy{ending}": token.entropy,
        f"rank{ending}": token.rank,
        f"alternatives{ending}": [
            {"word": word, "probability": p} for word, p in token.alternatives
        ],
    }


def edge_rows(
    scenes: Iterable[tuple[Mapping[int, Strongest], int]], opening: int, **shared: str
) -> list[dict[str, object]]:
    """The strongest edges of a text as rows of a table, its tokens counted through.

    `scenes`: what the heads of each scene look at, by layer, and its number of tokens.
    """
    rows: list[dict[str, object]] = []
    behind = 0
    for layers, tokens in scenes:
        for edge in strongest_edges(layers, opening):
            places = {"token": edge.token + behind, "source": edge.source + behind}
            rows.append({**shared, **edge._asdict(), **places})
        behind += tokens
    return rows
