"""The model of a school at the beginning: a new one, or one that goes on."""

from pathlib import Path

from litho.core.errors import LithoError
from litho.jobs.models import Models
from litho.jobs.school.config import SchoolSpec
from litho.model.adapters.spec import AdapterSpec
from litho.model.codec import Codec, codec_of_model, read_codec
from litho.model.learner import Learner, adapted, learner_of, new_learner
from litho.model.micro import Shape
from litho.model.placement import Placement
from litho.model.sources import locate
from litho.text.school.genome import Genome
from litho.text.school.training import Model


def known_codec(genome: Genome, folder: Path) -> Codec | None:
    """The tokenizer, where it is there before anything is compiled."""
    asked = genome.tokenizer
    return codec_of_model(asked.model or "", folder) if asked.kind == "model" else None


def first_learner(
    spec: SchoolSpec,
    genome: Genome,
    models: Models,
    placement: Placement,
    codec: Codec | None,
    vocabulary: int,
) -> Learner:
    """The model at the beginning. Raises LithoError if its tokenizer is another one."""
    if genome.start is None:
        asked = genome.model or Model()
        shape = Shape(vocabulary, genome.train.seq, asked.d, asked.layers, asked.heads, asked.loops)
        apart = genome.train.attend == "document"
        return new_learner(shape, genome.seed, codec, placement, apart)
    name = spec.models()["start"]
    model = models.load(name, "float32")
    if codec is None or read_codec(locate(name).folder).sha256 != codec.sha256:
        raise LithoError(
            f"start ({genome.start}) has another tokenizer than tokenizer.model "
            f"({genome.tokenizer.model}): name the same model in both"
        )
    if genome.train.seq > model.context:
        raise LithoError(
            f"{genome.start} sees {model.context:,} tokens: set train.seq to that at most"
        )
    if genome.train.adapter:
        return adapted(model, AdapterSpec(genome.train.adapter.rank, seed=genome.seed))
    return learner_of(model)
