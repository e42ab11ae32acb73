"""Text to tokens and back: tokenizers trained here, and those of models."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import AddedToken, Encoding, Tokenizer, decoders, models, pre_tokenizers, trainers

from litho.core.errors import LithoError

END = "<|end|>"  # after each document
_FILE, _SETTINGS = "tokenizer.json", "tokenizer_config.json"


@dataclass(frozen=True)
class Encoded:
    """Tokens of a text."""

    ids: list[int]
    _encoding: Encoding

    @property
    def starts(self) -> list[int]:
        """The character at which each begins; it takes a while."""
        return [start for start, _ in self._encoding.offsets]


class Codec:
    """A tokenizer with a token that ends documents."""

    def __init__(self, tokenizer: Tokenizer, end: str) -> None:
        end_id = tokenizer.token_to_id(end)
        if end_id is None:
            raise LithoError(f"the tokenizer has no token {end!r}, which is to end documents")
        # What a book says is text, even where it is written like a special token.
        tokenizer.encode_special_tokens = True
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._end = end
        self.end_id: int = end_id

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        return self._tokenizer.get_vocab_size(with_added_tokens=True)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(f"{self._end} {self._tokenizer.to_str()}".encode()).hexdigest()

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Tokens of each text, without any special ones."""
        found = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [Encoded(each.ids, each) for each in found]

    def count(self, texts: Sequence[str]) -> int:
        """Tokens of all texts together."""
        found = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return sum(map(len, found))

    def decode(self, ids: Sequence[int]) -> str:
        return self._tokenizer.decode(list(ids), skip_special_tokens=False)

    def save(self, folder: Path) -> None:
        """Write the files from which transformers loads a tokenizer."""
        folder.mkdir(parents=True)
        (folder / _FILE).write_text(self._tokenizer.to_str(pretty=True), encoding="utf-8")
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": self._end}
        (folder / _SETTINGS).write_text(json.dumps(settings), encoding="utf-8")


def trained(texts: Iterable[str], vocabulary: int) -> Codec:
    """Byte-pair encoding over bytes, learned from texts: it can write any text."""
    tokenizer = _over_bytes(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[AddedToken(END, special=True)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return Codec(tokenizer, END)


def of_bytes() -> Codec:
    """Each byte is a token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = _over_bytes(models.BPE({sign: i for i, sign in enumerate([END, *alphabet])}, []))
    tokenizer.add_special_tokens([AddedToken(END, special=True)])
    return Codec(tokenizer, END)


def read_codec(folder: Path) -> Codec:
    """A tokenizer from the files that `save` or transformers wrote. Raises LithoError."""
    try:
        tokenizer = Tokenizer.from_file(str(folder / _FILE))
        settings = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
        end = settings["eos_token"]
        return Codec(tokenizer, end if isinstance(end, str) else end["content"])
    except LithoError:
        raise
    except Exception as error:  # tokenizers raises Exception itself
        said = " ".join(str(error).split())[:200]
        raise LithoError(f"{folder} holds no tokenizer that ends documents ({said})") from None


def codec_of_model(name: str, folder: Path) -> Codec:
    """The tokenizer of a model, or of a build; `folder`: from where paths are looked for."""
    for place in (folder / name, folder / name / "tokenizer"):
        if (place / _FILE).is_file():
            return read_codec(place)
    from litho.model.sources import locate  # torch takes seconds

    return read_codec(locate(name).folder)


def _over_bytes(model: models.BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer
