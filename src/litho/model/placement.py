"""Device and precision."""

from typing import Literal

import torch


def training_dtype() -> Literal["bfloat16", "float32"]:
    """bfloat16 where this machine multiplies in it; emulated, it is slower than float32."""
    return "bfloat16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "float32"
