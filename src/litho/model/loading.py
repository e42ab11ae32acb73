"""Loading a model and its tokenizer from their files."""

from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors import SafetensorError
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
)
from transformers.utils import logging as transformers_logging

from litho.core.errors import LithoError, first_line
from litho.model.check import check
from litho.model.loaded import LanguageModel
from litho.model.placement import Placement, default_placement
from litho.model.sources import ModelSource

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()
_FAILURES = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    ImportError,
    RuntimeError,
    SafetensorError,
    StrictDataclassError,
)


def load(source: ModelSource, placement: Placement | torch.dtype) -> LanguageModel:
    """Load a model in evaluation mode with frozen weights; a precision alone means the CPU.

    Raises LithoError if it cannot be loaded, does not fit on the device, or is none that Litho
    measures rightly.
    """
    if isinstance(placement, torch.dtype):
        placement = default_placement(placement)
    _check_kind(source)
    tokenizer = _tokenizer(source)
    network = _network(source, placement)
    if not (placement.bits or placement.spread):
        network = _moved(network, placement, source.name)
    model = LanguageModel(source, network, tokenizer, placement=placement)
    model.network.requires_grad_(False).eval()
    check(model)
    return model


def _check_kind(source: ModelSource) -> None:
    try:
        config = AutoConfig.from_pretrained(source.folder, trust_remote_code=False)
    except _FAILURES as error:
        reason = " ".join(str(error).split()).partition(". ")[0]
        raise LithoError(f"{source.name} has a config.json that cannot be used: {reason}") from None
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise LithoError(
            f"{source.name} is no causal LM: transformers has none for its model type, "
            f"{config.model_type}"
        )


def _tokenizer(source: ModelSource) -> Any:  # noqa: ANN401  their annotations are incomplete
    try:
        tokenizer = AutoTokenizer.from_pretrained(source.folder, trust_remote_code=False)
        tokenizer("a text")  # some damaged settings are noticed only now
    except Exception as error:  # tokenizers raises no kind of its own for a file that it can't read
        reason = "" if str(error).startswith("Couldn't instantiate") else f" ({first_line(error)})"
        raise LithoError(
            f"{source.name} has no tokenizer that can be loaded{reason}: copy tokenizer.json and "
            "tokenizer_config.json of the model that it was made from into its folder"
        ) from None
    if not tokenizer.is_fast:
        raise LithoError(f"{source.name} has no fast tokenizer (tokenizer.json): convert it first")
    return tokenizer


def _network(source: ModelSource, placement: Placement) -> Any:  # noqa: ANN401  as above
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            source.folder,
            **placement.loading(),
            use_safetensors=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,  # they are said below
            output_loading_info=True,
        )
    except _FAILURES as error:
        raise LithoError(
            f"{source.name} cannot be loaded as a causal LM: {first_line(error)}"
        ) from None
    network, loading_info = loaded
    if any(isinstance(module, BaseTunerLayer) for module in network.modules()):
        raise LithoError(
            f"{source.name} was loaded with an adapter on it, which its files name: give a model "
            "without one"
        )
    if unlike := loading_info["mismatched_keys"]:
        name, stored, expected = min(unlike)
        raise LithoError(
            f"{source.name} has weights that do not fit its config.json: {name} is "
            f"{tuple(stored)} and should be {tuple(expected)}"
        )
    if missing := loading_info["missing_keys"]:
        raise LithoError(
            f"{source.name} is no whole causal LM: its files lack {len(missing)} weights, for "
            f"example {min(missing)}"
        )
    return network


def _moved(network: Any, placement: Placement, name: str) -> Any:  # noqa: ANN401  as `network`
    try:
        return network.to(placement.device)
    except torch.OutOfMemoryError:
        raise LithoError(
            f"{name} does not fit into the free memory of {placement.device}: choose device cpu, "
            "dtype bfloat16, or a model in 4 or 8 bits"
        ) from None
