"""The graph of one context in words and as a picture."""

import re

from litho.jobs.trails.result import GraphReading, Kept
from litho.measure.trails.records import GraphEdge, GraphShift, GraphToken
from litho.show.figures.graph import Scale, graph_picture
from litho.show.graph import preference_sentence, relied_sentence, title, visible

ANSWERS = ("door", "bell")


def kept(edges: int, faithfulness: float) -> Kept:
    return Kept(edges=edges, m=2 - faithfulness, ratio=1, faithfulness=faithfulness, random_m=2)


def reading(tokens: int = 4, shares: tuple[float, ...] = (0.1, 0.9, 0.9)) -> GraphReading:
    counts = (24, 96, 384)
    edge = GraphEdge(layer=1, head=2, source=1, target=tokens - 1, share=0.5, value=-0.5)
    return GraphReading(
        text="context",
        state="after",
        m=1.0,
        biases=0.0,
        opening=1,
        layers=3,
        tokens=tuple(GraphToken(text=f" <{i}>" if i else "", value=0.1) for i in range(tokens)),
        edges=(edge,),
        shifts=(GraphShift(layer=0, token=2, value=0.2),),
        all_edges=1234,
        kept=(kept(0, 0), *(kept(n, f) for n, f in zip(counts, shares, strict=True))),
    )


def test_what_is_said() -> None:
    found = reading()
    assert title(found) == "The context, with the adapter"
    assert "“door” is 2.7 times as likely as “bell”" in preference_sentence(found, ANSWERS)
    turned = found.model_copy(update={"m": -20.0})
    assert "“bell” is more than 1000 times as likely" in preference_sentence(turned, ANSWERS)
    said = relied_sentence(found)
    assert said.startswith("With all 1,234 edges cut, m is +2.00; the 24 strongest alone make it")
    assert "weaker ones; 96 come within a fifth" in said
    assert "within" not in relied_sentence(reading(shares=(0.1, 0.9, 1.7)))  # by chance, then
    assert "within" not in relied_sentence(reading(shares=(0.9, 0.9, 0.9)))
    assert [visible(text) for text in ("", " ", "\n", " a\n", "x" * 20)] == [
        "(start)", "␣", "⏎", "a⏎", "x" * 13 + "…"
    ]  # fmt: skip


def test_a_picture_shows_what_is_told() -> None:
    found = reading()
    picture = str(graph_picture(found, ANSWERS, Scale.of([found])))
    assert picture.count('class="track"') == 4 and picture.count("<circle") == 1
    assert "layer 1, head 2: attention 0.50, -0.500 nats" in picture
    assert "&lt;1&gt;" in picture and "<1>" not in picture


def test_of_a_long_context_only_what_takes_part_is_drawn() -> None:
    found = reading(tokens=200)
    picture = str(graph_picture(found, ANSWERS, Scale.of([found])))
    assert picture.count('class="track"') == 3 and picture.count("⋯") == 2
    height = int(re.findall(r'viewBox="0 0 \d+ (\d+)"', picture)[0])
    assert height < 200
