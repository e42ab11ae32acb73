"""A model that is opened is tried on a few tokens: is it one that Litho measures rightly?"""

import torch
from torch import Tensor

from litho.core.errors import LithoError, first_line
from litho.model import trial
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import logits_at
from litho.model.watch.attention import unwatched, watched
from litho.model.watch.capture import blocks, residual_stream

# Shapes: B rows, T tokens, V vocabulary.


@torch.no_grad()
def check(model: LanguageModel) -> None:
    """Raises LithoError with the reason if the model does not do what all measurements build on.

    Its weights are numbers, its opening token has an embedding, it reads a text alone and from left
    to right, computes the same while Litho watches and picks places, and its blocks hand on one
    hidden state for each token.
    """
    _check_weights(model)
    _check_opening(model)
    ids_BT = trial.rows(model)
    plain_BTV = _read(model, ids_BT)
    _check_left_to_right(model, ids_BT, plain_BTV)
    _check_watched(model, ids_BT, plain_BTV)


def _check_weights(model: LanguageModel) -> None:
    for name, weight in model.network.named_parameters():
        if weight.is_meta or not weight.is_floating_point():
            continue
        # Where a sum is finite all that is summed is; that costs the least to find out.
        if not (weight.sum(dtype=torch.float32).isfinite() or weight.isfinite().all()):
            raise LithoError(
                f"{model.source.name} has NaN or infinity among its weights ({name}): they are "
                "damaged, or the precision is too low for them"
            )


def _check_opening(model: LanguageModel) -> None:
    if model.start and model.start[0] >= model.vocabulary:
        opening = model.tokenizer.convert_ids_to_tokens(model.start[0])
        raise LithoError(
            f"{model.source.name} does not know its own opening token {opening} (number "
            f"{model.start[0]}, but its embedding ends at {model.vocabulary - 1}): resize the "
            "embedding to the tokenizer, or name another bos_token in tokenizer_config.json"
        )


def _read(model: LanguageModel, ids_BT: Tensor) -> Tensor:
    name = model.source.name
    try:
        out = model.network(input_ids=ids_BT.to(model.device), use_cache=False)
        logits_BTV: Tensor = out.logits
    except Exception as error:  # whatever a model says that wants more than a text
        raise LithoError(
            f"{name} does not read a text alone ({first_line(error)}): give a language model"
        ) from None
    if logits_BTV.shape[:2] != ids_BT.shape:
        raise LithoError(
            f"{name} makes {tuple(logits_BTV.shape)} numbers of {tuple(ids_BT.shape)} tokens "
            "instead of one distribution for each: give a language model"
        )
    if not logits_BTV.isfinite().all():
        raise LithoError(
            f"{name} computes NaN or infinity: its weights are damaged, or the precision is too "
            "low for it"
        )
    return logits_BTV


def _check_left_to_right(model: LanguageModel, ids_BT: Tensor, logits_BTV: Tensor) -> None:
    alike = trial.shared(ids_BT)
    if not trial.agree(model, logits_BTV[0, :alike], logits_BTV[1, :alike]):
        raise LithoError(
            f"{model.source.name} is no causal language model: its attention is bidirectional, so "
            "that predictions depend on later tokens; give one that reads from left to right"
        )


def _check_watched(model: LanguageModel, ids_BT: Tensor, logits_BTV: Tensor) -> None:
    places = [(0, place) for place in range(ids_BT.shape[1])]
    try:
        with watched(unwatched), residual_stream(model) as states:
            found_TV = logits_at(model, ids_BT[:1], places)
    except LithoError:
        raise
    except Exception as error:  # of a head that is given other things than hidden states
        raise LithoError(
            f"{model.source.name} makes its predictions in a way that Litho cannot read "
            f"({first_line(error)}): give another language model"
        ) from None
    if found_TV.shape != logits_BTV[0].shape or not trial.agree(model, logits_BTV[0], found_TV):
        raise LithoError(
            f"{model.source.name} computes other numbers while Litho watches: it cannot be measured"
        )
    one_each = all(state.shape[:-1] == (1, len(places)) for state in states)
    if len(states) != len(blocks(model)) + 1 or not one_each:
        raise LithoError(
            f"the blocks of {model.source.name} do not hand on one hidden state for each token: "
            "Litho measures models that do"
        )
