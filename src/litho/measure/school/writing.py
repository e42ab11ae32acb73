"""What a model writes behind a question by itself: each token the likeliest, or drawn."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from litho.core.errors import LithoError
from litho.measure.school.closed import Report, alike, pass_tokens
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST
from litho.model.read.caches import new_cache, reads_on
from litho.model.read.scoring import greedy, logits

SENTENCES = 3  # that a practised answer has: both facts, and what follows from them
MOST = 160  # tokens
_STOPS = re.compile(r"[.?!\nĊ]")


@dataclass(frozen=True)
class Drawing:
    """How tokens are drawn. The generator lies on the CPU, so that every device draws alike."""

    temperature: float
    generator: torch.Generator

    @classmethod
    def of(cls, temperature: float, seed: int) -> "Drawing":
        return cls(temperature, torch.Generator(HOST).manual_seed(seed))

    def __call__(self, logits_BV: Tensor) -> Tensor:
        """A token for each row."""
        chances_BV = (logits_BV.float() / self.temperature).softmax(-1).to(HOST)
        drawn_B1 = torch.multinomial(chances_BV, 1, generator=self.generator)
        return drawn_B1[:, 0].to(logits_BV.device)


@torch.no_grad()
def written_behind(
    model: LanguageModel,
    questions: Sequence[str],
    report: Report = lambda _: None,
    draw: Drawing | None = None,
) -> list[str]:
    """Up to three sentences of one paragraph behind each question; less where the context ends.

    `draw`: tokens are drawn in place of the likeliest. Raises LithoError if they cannot be.
    """
    if draw and not reads_on(model):
        raise LithoError(
            f"{model.source.name} cannot go on from what it has read, as drawing samples needs: "
            "choose judge=exact"
        )
    rows = [model.encode(question) for question in questions]
    found: dict[int, str] = {}
    stops = _stops(model)
    for group in alike([len(row) for row in rows], lambda n: max(1, pass_tokens(model) // (2 * n))):
        ids = [rows[i] for i in group]
        most = max(0, min(MOST, model.context - len(ids[0])))
        written = (
            _on(model, ids, most, stops, draw)
            if reads_on(model)
            else greedy(model, ids, [most] * len(ids))
        )
        for i, row in zip(group, written, strict=True):
            ended = row.index(model.end) if model.end in row else len(row)
            found[i] = paragraph(model.decode(row[:ended]))
        report(len(found))
    return [found[i] for i in range(len(rows))]


def paragraph(text: str, sentences: int = SENTENCES) -> str:
    """The first sentences of the first paragraph; all of it where none ends."""
    line = text.lstrip().partition("\n")[0].rstrip()
    whole = re.match(rf"(?:[^.?!]*[.?!]){{1,{sentences}}}", line)
    return whole[0] if whole else line


def _stops(model: LanguageModel) -> Tensor:
    """Of each token, whether a sentence, a line or a text ends in it."""
    pieces = model.tokenizer.convert_ids_to_tokens(list(range(model.vocabulary)))
    ends = [bool(_STOPS.search(piece or "")) for piece in pieces]
    if model.end is not None:
        ends[model.end] = True
    return torch.tensor(ends, device=model.device)


def _on(
    model: LanguageModel,
    rows: Sequence[Sequence[int]],
    most: int,
    stops_V: Tensor,
    draw: Drawing | None,
) -> list[list[int]]:
    """Tokens behind rows of one length, until each has had its sentences."""
    cache = new_cache()
    new_BT = torch.tensor(rows, device=model.device)
    grown: list[list[int]] = [[] for _ in rows]
    open_B = torch.arange(len(rows), device=model.device)
    ended_B = torch.zeros(len(rows), dtype=torch.long, device=model.device)
    for _ in range(most):
        read_BTV = logits(model, new_BT, places=[new_BT.shape[1] - 1], past=cache)
        last_BV = read_BTV[:, -1]
        token_B = (draw(last_BV) if draw else last_BV.argmax(-1)).to(model.device)
        for row, token in zip(open_B.tolist(), token_B.tolist(), strict=True):
            grown[row].append(token)
        ended_B = ended_B + stops_V[token_B]
        goes_on_B = ended_B < SENTENCES
        if model.end is not None:
            goes_on_B &= token_B != model.end
        if not goes_on_B.any():
            break
        if not goes_on_B.all():
            cache.batch_select_indices(goes_on_B.nonzero()[:, 0])
        open_B, ended_B, new_BT = open_B[goes_on_B], ended_B[goes_on_B], token_B[goes_on_B, None]
    return grown
