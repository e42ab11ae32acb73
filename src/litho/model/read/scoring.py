"""Log-probabilities, surprise and divergence of a model on token sequences.

Sequences are padded on the right and no attention mask is passed: in a causal model no token
sees what follows it, so that padding cannot change a real token's logits.
"""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from litho.core.errors import LithoError
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST, sizes
from litho.model.read.caches import copied, read_prefix

# Shapes: B rows, T tokens, V vocabulary.
# Lengths of rows that change from step to step are rounded up, since some machines compile kernels
# for every new one; not those of questions, which come again, nor of a row alone.
BUCKET = 8
PREFIX_TOKENS = 16384  # of a common beginning that is copied for every row of a batch
WORTH_SHARING = 64  # tokens to be saved before a common beginning is read once and kept


@dataclass(frozen=True)
class Target:
    """A sequence of which the tokens from position `first` on are scored."""

    ids: tuple[int, ...]
    first: int


def pad_rows(
    model: LanguageModel, rows: Sequence[Sequence[int]], bucket: int = BUCKET
) -> tuple[Tensor, Tensor]:
    """Token ids and a mask of real tokens, both B x T.

    T is rounded up to a multiple of `bucket`, as far as the context goes.
    """
    longest = max(map(len, rows))
    length = min(_rounded_up(longest, bucket), max(longest, model.context))
    ids_BT = torch.full((len(rows), length), model.pad, device=HOST)
    mask_BT = torch.zeros((len(rows), length), dtype=torch.bool, device=HOST)
    for i, row in enumerate(rows):
        ids_BT[i, : len(row)] = torch.tensor(row, device=HOST)
        mask_BT[i, : len(row)] = True
    return ids_BT, mask_BT


def batches(
    lengths: Sequence[int],
    device: torch.device,
    tokens: int | None = None,
    bucket: int = BUCKET,
) -> Iterator[list[int]]:
    """Indices of rows that a device reads together: like lengths, padded at most `tokens` tokens.

    None: as many as suit the device.
    """
    most = tokens or sizes(device).pass_tokens
    group: list[int] = []
    held = 0  # tokens of the group, without what the longest would pad
    padded = [_rounded_up(length, bucket) for length in lengths]
    for index in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        width = padded[index]
        padding = len(group) * width - held
        if group and (padding > sizes(device).padding or (len(group) + 1) * width > most):
            yield group
            group, held = [], 0
        group.append(index)
        held += width
    if group:
        yield group


def _rounded_up(length: int, bucket: int) -> int:
    return -(-length // bucket) * bucket


def chunks(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The tensors in step, some entries of the first axis at a time, as suits their device."""
    count = sizes(tensors[0].device).distributions
    return zip(*(tensor.split(count) for tensor in tensors), strict=True)


def logits(
    model: LanguageModel,
    ids_BT: Tensor,
    places: Sequence[int] | None = None,
    past: DynamicCache | None = None,
) -> Tensor:
    """Logits B x T x V, or only those at `places` of T; `past` is what was read before.

    Raises LithoError if that is more than the model reads.
    """
    length = ids_BT.shape[1] + (past.get_seq_length() if past is not None else 0)
    if length > model.context:
        raise LithoError(
            f"a sequence of {length} tokens is to be read, but {model.source.name} reads "
            f"{model.context}: shorten the text, or choose a model with a longer context"
        )
    extra: dict[str, object] = {"use_cache": past is not None}
    if past is not None:
        extra["past_key_values"] = past
    ids_BT = ids_BT.to(model.device)
    if places is None:
        return model.network(input_ids=ids_BT, **extra).logits
    kept = torch.tensor(places, device=model.device)
    # The output head is a large part of the work: spared where the architecture lets us. It is on
    # a device of its own where a model is spread.
    keeps = "logits_to_keep" in inspect.signature(model.unwrapped.forward).parameters
    if keeps and not model.placement.spread:
        return model.network(input_ids=ids_BT, logits_to_keep=kept, **extra).logits
    logits_BTV = model.network(input_ids=ids_BT, **extra).logits
    return logits_BTV[:, kept.to(logits_BTV.device)]


def before_head(model: LanguageModel, ids_BT: Tensor) -> Tensor | None:
    """What goes into the output head, B x T x D: kept instead of logits it takes far less room.

    None where the head alone does not make the logits of it, as in models that scale them.
    """
    given: list[Tensor] = []
    head = model.network.get_output_embeddings()
    if head is None:
        return None
    handle = head.register_forward_pre_hook(lambda _, args: given.append(args[0]))
    try:
        whole = logits(model, ids_BT)
    finally:
        handle.remove()
    return given[0] if len(given) == 1 and torch.equal(head(given[0]), whole) else None


def behind_head(model: LanguageModel, hidden_BTD: Tensor) -> Tensor:
    """Logits B x T x V of what `before_head` gave."""
    head: nn.Module = model.network.get_output_embeddings()
    made: Tensor = head(hidden_BTD.to(next(head.parameters()).device))
    return made


def logits_of_rows(model: LanguageModel, rows: Sequence[Sequence[int]]) -> list[Tensor]:
    """Logits T x V of each row; rows of like lengths are read together."""
    by_row: dict[int, Tensor] = {}
    for group in batches([len(row) for row in rows], model.device):
        ids_BT, _ = pad_rows(model, [rows[i] for i in group])
        for i, read_TV in zip(group, logits(model, ids_BT), strict=True):
            by_row[i] = read_TV[: len(rows[i])]
    return [by_row[i] for i in range(len(rows))]


def logits_at(
    model: LanguageModel,
    ids_BT: Tensor,
    wanted: Sequence[tuple[int, int]],
    past: DynamicCache | None = None,
) -> Tensor:
    """Logits N x V at N pairs of row and place: the output head is given nothing else."""
    wanted_N2 = torch.tensor(wanted, device=model.device)

    def picked(values: Tensor) -> Tensor:
        """Of B x T; of a model that is spread, the head is elsewhere than the embedding."""
        rows, places = wanted_N2.to(values.device).T
        return values[rows, places]

    def pick(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (picked(args[0]), *args[1:])

    head = model.network.get_output_embeddings()
    handle = head.register_forward_pre_hook(pick) if head else None
    try:
        head_output = logits(model, ids_BT, past=past)
    finally:
        if handle:
            handle.remove()
    return head_output if head_output.dim() == 2 else picked(head_output)


def token_logprobs(logits_NV: Tensor, labels_N: Tensor) -> Tensor:
    """log P of each label under its own logits, in nats and float32."""
    labels_N = labels_N.to(logits_NV.device).unsqueeze(-1)
    return torch.cat(
        [
            part.float().log_softmax(-1).gather(-1, labels).squeeze(-1)
            for part, labels in chunks(logits_NV, labels_N)
        ]
    )


def normalizers(logits_NV: Tensor) -> Tensor:
    """log sum exp of the logits, N, in float32: half the time of torch's own."""
    log_sums = []
    for (part,) in chunks(logits_NV):
        values = part.float()
        log_sums.append(values.amax(-1) - values.softmax(-1).amax(-1).log())
    return torch.cat(log_sums)


@torch.no_grad()
def target_logprobs(model: LanguageModel, targets: Sequence[Target]) -> list[float]:
    """Mean log-probability per target token in nats, one number a target."""
    logps = logprobs_by_token(model, targets)
    return torch.stack([logp.mean() for logp in logps]).tolist() if logps else []


@torch.no_grad()
def logprobs_by_token(model: LanguageModel, targets: Sequence[Target]) -> list[Tensor]:
    """log P of every target token in nats, a vector for each target.

    What many sequences begin with is computed once and kept as attention keys and values, where
    the architecture has them and it saves enough.
    """
    found: dict[int, Tensor] = {}
    for alike in _alike(targets):
        logps = _logprobs_of_alike(model, [targets[i] for i in alike])
        found.update(zip(alike, logps, strict=True))
    return [found[i] for i in range(len(targets))]


def _alike(targets: Sequence[Target]) -> Iterator[list[int]]:
    """Targets with the same beginning together, as with a page in front of some of them."""
    by_beginning: dict[tuple[int, ...], list[int]] = {}
    for i, target in enumerate(targets):
        long = target.first > WORTH_SHARING
        by_beginning.setdefault(target.ids[:WORTH_SHARING] if long else (), []).append(i)
    yield from by_beginning.values()


def _logprobs_of_alike(model: LanguageModel, targets: Sequence[Target]) -> list[Tensor]:
    shared = _shared_length(targets)
    worth = shared * (len(targets) - 1) > WORTH_SHARING
    prefix = read_prefix(model, targets[0].ids[:shared]) if worth else None
    found: dict[int, Tensor] = {}
    at_once = max(1, PREFIX_TOKENS // shared) if prefix else len(targets)
    skipped = shared if prefix else 0
    lengths = [len(t.ids) - 1 - skipped for t in targets]
    for group in batches(lengths, model.device, bucket=1):
        for begin in range(0, len(group), at_once):
            part = group[begin : begin + at_once]
            logps = target_token_logprobs(model, [targets[i] for i in part], prefix)
            for i, logp in zip(part, logps, strict=True):
                found[i] = logp
    return [found[i] for i in range(len(targets))]


def target_token_logprobs(
    model: LanguageModel, targets: Sequence[Target], prefix: DynamicCache | None = None
) -> Sequence[Tensor]:
    """log P of every target token in nats, a vector for each target, all read in one pass.

    `prefix`: keys and values of what all of them begin with.
    """
    skipped = prefix.get_seq_length() if prefix else 0
    # Nothing is predicted behind the last token, which need not be read.
    ids_BT, _ = pad_rows(model, [t.ids[skipped:-1] for t in targets], bucket=1)
    past = copied(prefix, len(targets)) if prefix else None
    wanted = [(row, i) for row, t in enumerate(targets) for i in range(t.first, len(t.ids))]
    predicting = [(row, i - 1 - skipped) for row, i in wanted]
    labels = torch.tensor([targets[row].ids[i] for row, i in wanted], device=model.device)
    logp = token_logprobs(logits_at(model, ids_BT, predicting, past), labels)
    return logp.split([len(t.ids) - t.first for t in targets])


def _shared_length(targets: Sequence[Target]) -> int:
    """Length of the longest common beginning that leaves each target its predicting token."""
    shared = min(t.first for t in targets) - 1
    first = targets[0].ids
    for t in targets[1:]:
        shared = min(shared, common_length(first, t.ids))
    return shared


def common_length(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens two sequences have in common at their beginning."""
    shortest = min(len(first), len(second))
    return next((i for i in range(shortest) if first[i] != second[i]), shortest)


@torch.no_grad()
def greedy(
    model: LanguageModel, rows: Sequence[Sequence[int]], counts: Sequence[int]
) -> list[list[int]]:
    """What follows each row, each token the likeliest: as many tokens as `counts` says."""
    grown = [list(row) for row in rows]
    for step in range(max(counts, default=0)):
        open_ = [i for i, count in enumerate(counts) if step < count]
        for group in batches([len(grown[i]) for i in open_], model.device):
            ids_BT, _ = pad_rows(model, [grown[open_[g]] for g in group])
            last = [(row, len(grown[open_[g]]) - 1) for row, g in enumerate(group)]
            likeliest = logits_at(model, ids_BT, last).argmax(-1).tolist()
            for g, token in zip(group, likeliest, strict=True):
                grown[open_[g]].append(token)
    return [row[len(start) :] for row, start in zip(grown, rows, strict=True)]


@torch.no_grad()
def kl(logits_p: Tensor, logits_q: Tensor) -> Tensor:
    """KL(p || q) in nats over the last axis of two N x V or V tensors, computed in float32."""
    p, q = torch.atleast_2d(logits_p), torch.atleast_2d(logits_q)
    values = []
    for first, second in chunks(p, q):
        logp, logq = first.float().log_softmax(-1), second.float().log_softmax(-1)
        values.append(logp.exp().mul_(logp.sub_(logq)).sum(-1))
    return torch.cat(values).view(logits_p.shape[:-1])


@torch.no_grad()
def read_in_states(
    model: LanguageModel,
    rows: Sequence[Sequence[int]],
    before: str | None,
    after: Sequence[str],
) -> Iterator[tuple[str, int, Tensor, Tensor]]:
    """Every row in each state of `after`: state, number of the row, logits T x V before and after.

    What is read before is read once for all states.
    """
    for number, row in enumerate(rows):
        ids_BT, _ = pad_rows(model, [row])  # every new length costs seconds
        with model.state(before):
            first_TV = logits(model, ids_BT)[0, : len(row)]
        for state in after:
            with model.state(state):
                second_TV = logits(model, ids_BT)[0, : len(row)]
            yield state, number, first_TV, second_TV
