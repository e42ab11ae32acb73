"""The report of `litho map`."""

from safetensors.numpy import load_file

from litho.core.runs import RunDirectory
from litho.jobs.map.result import MapResult
from litho.show.figures.layers import head_grid, layer_figure, token_map
from litho.show.page import origin_of, render
from litho.show.say import say
from litho.show.tokens import NOW, edges_of, tokens_of


def page(run: RunDirectory) -> str:
    """The response map: the text, its map, one token closely, layers and heads."""
    result = MapResult(**run.read_json("metrics.json"))
    tokens = run.read_rows("tokens.parquet")
    maps = load_file(run.path / "maps.safetensors")
    data = {
        "tokens": tokens_of(tokens, NOW),
        "figure-map": token_map(maps["change_LT"], say("relative change")),
        "figure-layers": layer_figure(result.layers),
    }
    data |= edges_of(run, len(tokens))
    if "gradient_LT" in maps:
        data["figure-gradient"] = token_map(maps["gradient_LT"], say("norm of the gradient"))
    if result.heads:
        data["figure-entropy"] = head_grid(result.heads, "entropy", say("nats"))
        data["figure-distance"] = head_grid(result.heads, "distance", say("tokens"))
    name = origin_of(run).settings["text_name"]
    return render("map.html.j2", run, f"Litho map: {name}", data, result=result)
