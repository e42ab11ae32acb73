"""Micro models: small Llamas that are trained here and saved as transformers loads them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from litho.model.codec import Codec
from litho.model.micro_functions import EPS, RmsNorm, Rotary, SwiGlu
from litho.model.placement import HOST, seeded

_THETA = 10_000.0  # of the rotary embedding, as in a Llama
_WIDER = 8 / 3  # an MLP than its model: as many weights as one without a gate of four times


@dataclass(frozen=True)
class Shape:
    """The sizes of a micro model."""

    vocabulary: int
    context: int  # tokens that it sees
    d: int
    layers: int
    heads: int
    loops: int = 1  # rounds through all layers

    @property
    def hidden(self) -> int:
        """Width of an MLP, a multiple of 32, on which products are fast."""
        return max(32, round(self.d * _WIDER / 32) * 32)

    @property
    def depth(self) -> int:
        """Blocks that a token goes through."""
        return self.layers * self.loops


class MicroModel(nn.Module):
    """A Llama with tied embeddings; queries, keys and values are one product, gate and up another.

    Where its rotary embedding turns neighbours, a Llama turns halves: rows are reordered on saving.
    """

    turn: Tensor

    def __init__(self, shape: Shape, seed: int) -> None:
        super().__init__()
        self.shape = shape
        with seeded(HOST, seed):
            self.embedding = nn.Parameter(
                0.02 * torch.randn(shape.vocabulary, shape.d, device=HOST)
            )
            self.blocks = nn.ModuleList(_Block(shape) for _ in range(shape.layers))
        self.norm = nn.Parameter(torch.ones(shape.d, device=HOST))
        head = shape.d // shape.heads
        places_T = torch.arange(shape.context, device=HOST)
        angles_TE = torch.outer(places_T, _THETA ** (-torch.arange(0, head, 2, device=HOST) / head))
        turn_TE = torch.polar(torch.ones_like(angles_TE), angles_TE)
        self.register_buffer("turn", turn_TE[:, None, None], persistent=False)

    def forward(self, ids_BT: Tensor, end: int | None = None) -> Tensor:
        """Logits for what follows each token, logits_NV.

        `end`: the token that ends a document; with it, no document sees the one before.
        """
        rows, length = ids_BT.shape
        seen_BTT = None if end is None else _within(ids_BT, end)
        x_ND = F.embedding(ids_BT, self.embedding).flatten(0, 1)
        turn_TE = self.turn[:length]
        for _ in range(self.shape.loops):
            for block in self.blocks:
                x_ND = block(x_ND, turn_TE, rows, seen_BTT)
        return F.linear(RmsNorm.apply(x_ND, self.norm), self.embedding)

    def save(self, folder: Path, codec: Codec) -> None:
        """Write config, weights and tokenizer of a plain Llama into a new folder."""
        from transformers import LlamaConfig

        codec.save(folder)
        shape = self.shape
        LlamaConfig(
            architectures=["LlamaForCausalLM"],
            vocab_size=shape.vocabulary,
            hidden_size=shape.d,
            intermediate_size=shape.hidden,
            num_hidden_layers=shape.depth,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            max_position_embeddings=shape.context,
            rms_norm_eps=EPS,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=codec.end_id,
            dtype="float32",
        ).save_pretrained(folder)
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in self._named()}
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})

    def _named(self) -> Iterator[tuple[str, Tensor]]:
        """All weights by the names that a Llama gives them; loops are copies."""
        yield "model.embed_tokens.weight", self.embedding
        yield "model.norm.weight", self.norm
        for number in range(self.shape.depth):
            block = cast("_Block", self.blocks[number % self.shape.layers])
            for name, tensor in block.named():
                yield f"model.layers.{number}.{name}", tensor.clone()


class _Block(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        # What blocks add up to in the residual stream is about as large as one block's.
        quiet = (2 * shape.depth) ** -0.5
        self.qkv = _random(3 * shape.d, shape.d)
        self.out = _random(shape.d, shape.d, quiet)
        self.gate_up = _random(2 * shape.hidden, shape.d)
        self.down = _random(shape.d, shape.hidden, quiet)
        self.norm_attention = nn.Parameter(torch.ones(shape.d, device=HOST))
        self.norm_mlp = nn.Parameter(torch.ones(shape.d, device=HOST))

    def forward(self, x_ND: Tensor, turn_TE: Tensor, rows: int, seen_BTT: Tensor | None) -> Tensor:
        qkv_ND = F.linear(RmsNorm.apply(x_ND, self.norm_attention), self.qkv)
        # float: there are no complex numbers in half precision.
        qkv_BT3HE = Rotary.apply(qkv_ND.float().view(rows, -1, 3, self.heads, self._head), turn_TE)
        q_BHTE, k_BHTE, v_BHTE = qkv_BT3HE.permute(2, 0, 3, 1, 4).unbind()
        mask = None if seen_BTT is None else seen_BTT[:, None]
        seen_BHTE = F.scaled_dot_product_attention(
            q_BHTE, k_BHTE, v_BHTE, attn_mask=mask, is_causal=mask is None
        )
        seen_ND = seen_BHTE.transpose(1, 2).reshape(x_ND.shape)
        x_ND = x_ND + F.linear(seen_ND, self.out)
        opened_NF = SwiGlu.apply(F.linear(RmsNorm.apply(x_ND, self.norm_mlp), self.gate_up))
        return x_ND + F.linear(opened_NF, self.down)

    @property
    def _head(self) -> int:
        return len(self.out) // self.heads

    def named(self) -> Iterator[tuple[str, Tensor]]:
        """The weights by the names that a Llama gives them."""
        q, k, v = self.qkv.chunk(3)
        gate, up = self.gate_up.chunk(2)
        yield "self_attn.q_proj.weight", self._halves(q)
        yield "self_attn.k_proj.weight", self._halves(k)
        yield "self_attn.v_proj.weight", v
        yield "self_attn.o_proj.weight", self.out
        yield "mlp.gate_proj.weight", gate
        yield "mlp.up_proj.weight", up
        yield "mlp.down_proj.weight", self.down
        yield "input_layernorm.weight", self.norm_attention
        yield "post_attention_layernorm.weight", self.norm_mlp

    def _halves(self, weight: Tensor) -> Tensor:
        """Rows of each head with all real parts before all imaginary ones."""
        return weight.view(self.heads, -1, 2, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


def _within(ids_BT: Tensor, end: int) -> Tensor:
    """Which tokens each one sees: itself and those before it in its document.

    An end token, being read, stands before the first token of the next document: it is of that.
    """
    document_BT = (ids_BT == end).cumsum(1)
    same_BTT = document_BT[:, :, None] == document_BT[:, None, :]
    return same_BTT.tril()


def _random(rows: int, columns: int, scale: float = 1.0) -> nn.Parameter:
    return nn.Parameter(scale * columns**-0.5 * torch.randn(rows, columns, device=HOST))
