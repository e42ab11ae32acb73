"""Which spans were hard, by their losses at the ends of stages; no torch."""

from collections.abc import Callable, Sequence

from litho.jobs.journal.result import By, HardSpan, SectionRises, Span


def hardest(spans: Sequence[Span], stages: Sequence[str], by: By, top: int) -> list[HardSpan]:
    """The hardest first; only those that were hard at all, each sentence once."""
    found = [hard for span in spans if (hard := _WAYS[by](span, stages)) and hard.value > 0]
    found.sort(key=lambda each: (-each.value, each.span.stage, each.span.document, each.span.text))
    by_text = {each.span.text: each for each in reversed(found)}  # of copies, the hardest
    return [each for each in found if by_text[each.span.text] is each][:top]


def loss_jump(span: Span, stages: Sequence[str]) -> HardSpan | None:
    """The largest rise from one stage's end to the next; mended once half of it is gone."""
    if len(span.losses) < 2:
        return None
    rises = [after - before for before, after in zip(span.losses, span.losses[1:], strict=False)]
    at = max(range(len(rises)), key=rises.__getitem__)
    later = range(at + 2, len(stages))
    half = span.losses[at] + rises[at] / 2
    mended = next((stages[m] for m in later if span.losses[m] <= half), None)
    return HardSpan(span=span, value=rises[at], border=(stages[at], stages[at + 1]), mended=mended)


def forgetting(span: Span, stages: Sequence[str]) -> HardSpan | None:
    """The loss at the end less the lowest since it was read."""
    best = min(span.losses[stages.index(span.stage) :])
    return HardSpan(span=span, value=span.losses[-1] - best, border=None, mended=None)


def contradiction(span: Span, stages: Sequence[str]) -> HardSpan | None:
    """How much likelier it is, at the end, with what a later survey says."""
    if span.against is None:
        return None
    return HardSpan(span=span, value=span.against, border=None, mended=None)


def by_section(spans: Sequence[Span]) -> list[SectionRises]:
    """Mean changes of the loss from border to border, the largest rise first."""
    groups: dict[tuple[str, str], list[Span]] = {}
    for span in spans:
        if span.book and span.section:
            groups.setdefault((span.book, span.section), []).append(span)
    found = [
        SectionRises(
            book=book,
            section=section,
            spans=len(some),
            rises=tuple(
                sum(each.losses[k + 1] - each.losses[k] for each in some) / len(some)
                for k in range(len(some[0].losses) - 1)
            ),
        )
        for (book, section), some in groups.items()
    ]
    return sorted(found, key=lambda each: -max(each.rises, default=0.0))


_WAYS: dict[By, Callable[[Span, Sequence[str]], HardSpan | None]] = {
    "loss_jump": loss_jump,
    "forgetting": forgetting,
    "contradiction": contradiction,
}
