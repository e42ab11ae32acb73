"""Questions with a closed set of answers, scored together: what they begin with is read once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from litho.model.loaded import LanguageModel
from litho.model.read.caches import new_cache, reads_on
from litho.model.read.scoring import (
    Target,
    common_length,
    logits,
    logits_at,
    logprobs_by_token,
    pad_rows,
    token_logprobs,
)

PASS = 4  # times the tokens of a pass of long rows: exams are many short ones
Report = Callable[[int], None]


@dataclass(frozen=True)
class Closed:
    """A question as tokens: what stands before all answers, and how each answer goes on."""

    shared: tuple[int, ...]
    endings: tuple[tuple[int, ...], ...]

    @property
    def length(self) -> int:
        """Tokens of the longest answer with all that stands before it."""
        return len(self.shared) + max(map(len, self.endings))


def closed_sets(
    model: LanguageModel, contexts: Sequence[str], answers: Sequence[Sequence[str]]
) -> list[Closed]:
    """Each context with its answers, every whole as the tokenizer cuts it.

    What the tokens of all wholes have in common says nothing of one answer against another, so that
    nothing depends on where the tokenizer sees the border between a context and an answer.
    """
    wholes = [f"{c} {a}".lstrip() for c, some in zip(contexts, answers, strict=True) for a in some]
    start = [] if model.start else [model.pad]  # something has to stand before the first token
    rows = iter([start + row for row in model.encode_all(wholes)])
    found = []
    for some in answers:
        own = [tuple(next(rows)) for _ in some]
        shared = min(common_length(own[0], row) for row in own)
        shared = max(1, min(shared, min(map(len, own)) - 1))  # something predicts, and is predicted
        found.append(Closed(own[0][:shared], tuple(row[shared:] for row in own)))
    return found


@torch.no_grad()
def answer_logps(
    model: LanguageModel, asked: Sequence[Closed], report: Report = lambda _: None
) -> list[tuple[float, ...]]:
    """log P of each answer behind what stands before it, in nats, its tokens summed.

    `report` is told how many questions were read.
    """
    found: dict[int, tuple[float, ...]] = {}
    for group in alike([len(each.shared) for each in asked], _at_once(model, asked)):
        some = [asked[i] for i in group]
        read = _together(model, some) if reads_on(model) else _one_by_one(model, some)
        found.update(zip(group, read, strict=True))
        report(len(found))
    return [found[i] for i in range(len(asked))]


def alike(lengths: Sequence[int], at_once: Callable[[int], int]) -> Iterator[list[int]]:
    """Indices of rows of one length, as many together as `at_once` says of their length.

    Of one length, since what goes on from a cache must not stand behind padding.
    """
    by_length: dict[int, list[int]] = {}
    for i, length in enumerate(lengths):
        by_length.setdefault(length, []).append(i)
    for length, every in sorted(by_length.items()):
        count = at_once(length)
        yield from (every[i : i + count] for i in range(0, len(every), count))


def pass_tokens(model: LanguageModel) -> int:
    """Tokens that are read together, fewer in a large model: these are kept for every layer."""
    from litho.model.placement import sizes

    return PASS * sizes(model.device).pass_tokens


def _at_once(model: LanguageModel, asked: Sequence[Closed]) -> Callable[[int], int]:
    answers = max((len(each.endings) for each in asked), default=1)
    longest = max((len(end) for each in asked for end in each.endings), default=1)
    return lambda length: max(1, pass_tokens(model) // (length + answers * longest))


def _together(model: LanguageModel, asked: Sequence[Closed]) -> list[tuple[float, ...]]:
    """Of questions whose beginnings have one length: these are read, then all answers at once."""
    cache = new_cache()
    shared_BT = torch.tensor([each.shared for each in asked], device=model.device)
    last = shared_BT.shape[1] - 1
    first_BV = logits(model, shared_BT, places=[last], past=cache)[:, -1]
    endings = [end for each in asked for end in each.endings]
    owners = [b for b, each in enumerate(asked) for _ in each.endings]
    owner_N = torch.tensor(owners, device=first_BV.device)
    begun_N = torch.tensor([end[0] for end in endings], device=first_BV.device)
    logp_BV = first_BV.float().log_softmax(-1)
    total_N = logp_BV[owner_N, begun_N]
    longer = [n for n, end in enumerate(endings) if len(end) > 1]
    if longer:
        cache.batch_select_indices(owner_N[longer].to(model.device))
        rest = _rest(model, [endings[n] for n in longer], cache)
        total_N[longer] += rest.to(total_N.device)
    summed = iter(total_N.tolist())
    return [tuple(next(summed) for _ in each.endings) for each in asked]


def _rest(model: LanguageModel, endings: Sequence[tuple[int, ...]], cache: object) -> Tensor:
    """log P of all tokens but the first of each ending, summed."""
    ids_BT, _ = pad_rows(model, [end[:-1] for end in endings], bucket=1)
    wanted = [(row, i) for row, end in enumerate(endings) for i in range(len(end) - 1)]
    labels = torch.tensor([endings[row][i + 1] for row, i in wanted], device=model.device)
    logp_N = token_logprobs(logits_at(model, ids_BT, wanted, cache), labels)  # type: ignore[arg-type]
    rows_N = torch.tensor([row for row, _ in wanted], device=logp_N.device)
    return logp_N.new_zeros(len(endings)).index_add(0, rows_N, logp_N)


def _one_by_one(model: LanguageModel, asked: Sequence[Closed]) -> list[tuple[float, ...]]:
    """Every answer with all that stands before it: of models whose caches cannot be copied."""
    targets = [
        Target((*each.shared, *end), len(each.shared)) for each in asked for end in each.endings
    ]
    summed = iter([logp.sum().item() for logp in logprobs_by_token(model, targets)])
    return [tuple(next(summed) for _ in each.endings) for each in asked]
