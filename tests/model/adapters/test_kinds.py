"""Every kind of adapter gives the numbers of plain PEFT, or is refused in one sentence."""

from pathlib import Path

import pytest

from litho.core.errors import LithoError
from litho.model.adapters import saved
from litho.model.loaded import LanguageModel
from tests.adapter_kinds import AGREES, LORA, OTHERS, make_lora, make_other, outcome

OF_THE_BASE = "without it the model would not be the base any more"
NOT_PLAIN = "no plain LoRA on linear layers"
REFUSED = {
    "bias=all": OF_THE_BASE,
    "bias=lora_only": OF_THE_BASE,
    "modules_to_save": OF_THE_BASE,
    "modules_to_save=lm_head": OF_THE_BASE,
    "trainable_token_indices": OF_THE_BASE,
    "layer_replication": OF_THE_BASE,
    "init=olora": OF_THE_BASE,
    "init=pissa": OF_THE_BASE,
    "init=pissa_niter_4": OF_THE_BASE,
    "alora": "does nothing before its invocation tokens (70, 71)",
}
REFUSED_BY_DIFF = {
    "dora": "DoraLinear",
    "one weight as a parameter": "weights of Linear",
    "embedding": "weights of Embedding",
    "head and embedding, tied": "weights of Embedding",
    "fused experts": "weights of MixtralExperts",
    "lora_bias": "tensors besides A and B",
    "init=mica": "MiCALinear",
}


@pytest.mark.parametrize("kind", LORA)
@pytest.mark.filterwarnings("ignore")
def test_a_lora_of_any_kind_is_read_as_peft_reads_it_or_refused(tmp_path: Path, kind: str) -> None:
    result = outcome(*make_lora(tmp_path / "adapter", LORA[kind]))
    if kind in REFUSED:
        assert REFUSED[kind] in result.map and result.diff == result.map
        return
    assert result.map == AGREES
    if kind in REFUSED_BY_DIFF:
        assert NOT_PLAIN in result.diff and REFUSED_BY_DIFF[kind] in result.diff
    else:
        assert result.diff == AGREES


@pytest.mark.filterwarnings("ignore")
def test_other_kinds_are_refused_and_leave_the_model_alone(
    llama: LanguageModel, tmp_path: Path
) -> None:
    parts = dict(llama.network.named_modules())
    for kind in OTHERS:
        _, folder = make_other(tmp_path / kind, kind)
        with pytest.raises(LithoError, match=f"is no LoRA, but {kind}: ") as refused:
            saved.load(llama, "x", folder)
        assert "\n" not in str(refused.value)
    assert dict(llama.network.named_modules()) == parts
