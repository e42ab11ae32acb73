"""The comparison of `litho bench` as a table."""

from litho.jobs.bench.result import ArmSummary, BenchResult, Matched
from litho.show.say import say, to_say
from litho.show.wording import cell

COLUMNS = to_say(
    (
        "arm",
        "rate",
        "texts",
        "I mem",
        "I gen",
        "I hard",
        "D_ret",
        "spill",
        "spill, first tokens",
        "durability",
        "tokens read",
        "I gen - plan",
        "plan's D_ret / its own at the same I gen",
        "plan's spill - its own at the same I gen",
    )
)


def comparison_table(result: BenchResult) -> str:
    """The comparison as a table in Markdown."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(comparison_row, result.root)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def comparison_row(arm: ArmSummary) -> tuple[str, ...]:
    """An arm as cells under `COLUMNS`."""
    rate = f"{arm.learning_rate:g}"
    failed = ", " + say("{count} failed", count=arm.failed) if arm.failed else ""
    return (
        arm.arm,
        f"{rate}, KL {arm.kl_weight:g}" if "fixed" in arm.arm else rate,
        f"{arm.texts} ({arm.trials}{failed})",
        *(cell(arm.imprint[kind]) for kind in ("mem", "gen", "hard")),
        cell(arm.drift, 4),
        cell(arm.spill),
        cell(arm.spill_first),
        cell(arm.durability),
        f"{arm.read:,.0f}",
        cell(arm.more_imprint),
        _matched(arm.drift_ratio, 3),
        _matched(arm.plan_spills_more, 2),
    )


def _matched(compared: Matched, digits: int) -> str:
    if not compared.at:
        return "-"
    return say("{found} at {at}", found=cell(compared.found, digits), at=f"{compared.at:.2f}")
