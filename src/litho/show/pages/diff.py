"""The report of `litho diff` on two states of one model."""

from safetensors.numpy import load_file

from litho.core.runs import RunDirectory
from litho.jobs.diff.result import DiffResult
from litho.show.figures.layers import head_grid, token_map
from litho.show.figures.onset import onset_figure
from litho.show.page import origin_of, render
from litho.show.say import say
from litho.show.tokens import BOTH, edges_of, tokens_of
from litho.show.wording import control_sentence, onset_sentence, unseen_sentence

MOVED = 12  # tokens that are listed


def page(run: RunDirectory) -> str:
    """What changed: where it begins, effects, the text in both states, its map, the heads."""
    result = DiffResult(**run.read_json("metrics.json"))
    tokens = run.read_rows("tokens.parquet")
    maps = load_file(run.path / "maps.safetensors")
    data = {
        "tokens": tokens_of(tokens, BOTH),
        "figure-map": token_map(maps["relative_LT"], say("relative change")),
        "figure-onset": onset_figure(result.layers, result.onset.layer),
    }
    data |= edges_of(run, len(tokens))
    if result.heads:
        data["figure-heads"] = head_grid(result.heads, "js", say("JS, nats"))
    return render(
        "diff.html.j2",
        run,
        f"Litho diff: {origin_of(run).settings['text_name']}",
        data,
        result=result,
        moved=sorted(tokens, key=lambda row: -row["kl"])[:MOVED],
        onset_says=onset_sentence(result.onset),
        control_says=control_sentence(result.onset),
        unseen_says=unseen_sentence(result.unseen) if result.unseen else None,
    )
