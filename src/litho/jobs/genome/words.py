"""The tokenizer of a genome, and how many tokens its books have."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from litho.core.errors import LithoError
from litho.model.codec import Codec, codec_of_model, of_bytes, trained
from litho.text.school.chance import chance
from litho.text.school.documents import Piece, paragraphs
from litho.text.school.genome import LAYERS, Scene
from litho.text.school.plan import Item, Plan
from litho.text.school.scenes import solved, staged
from litho.text.school.shelf import WorldBook
from litho.text.school.speech import Speech
from litho.text.school.stages import School

SAMPLE = 8_000_000  # characters that a tokenizer is trained on, at most
LEAST = 20_000  # of a book
TURNS = 20  # scenes of a kind


def codec_for(school: School, folder: Path) -> Codec:
    """The tokenizer that a genome asks for. What stages read does not change it, the library does.

    Raises LithoError if the library is too small for so many tokens.
    """
    asked = school.genome.tokenizer
    if asked.kind == "bytes":
        return of_bytes()
    if asked.kind == "model":
        return codec_of_model(asked.model or "", folder)
    codec = trained(sample(school), asked.vocab)
    if codec.vocabulary < asked.vocab:
        raise LithoError(
            f"the library is too small for a vocabulary of {asked.vocab}: set tokenizer.vocab to "
            f"{codec.vocabulary} at most"
        )
    return codec


def sample(school: School) -> Iterator[str]:
    """Text of every book, as much of each; the same whatever stages, gaps and scenes do."""
    share = max(LEAST, SAMPLE // len(school.shelf))
    for name, book in sorted(school.shelf.items()):
        layers = LAYERS if isinstance(book, WorldBook) else LAYERS[:1]
        each = share // len(layers) // len(book.sections)
        for layer in layers:
            for section in book.sections:
                left = max(1, each)
                for page in book.read(section, layer, chance("sample", name, section, layer)):
                    text = _joined(page)[:left]
                    left -= len(text)
                    yield text
                    if left <= 0:
                        break
    yield from _spoken(school)


def _spoken(school: School) -> Iterator[str]:
    """Scenes and practice of every kind, as if there were no gaps."""
    plan = Plan.of(school.genome.model_copy(update={"gaps": ()}), school.shelf)
    if plan is None:
        return
    for name in sorted(school.shelf.of_world()):
        for kind in ("conflict", "mismatch", "unknown"):
            scene = Scene(id="sample", kind=kind, book=name)
            for turn in range(TURNS):
                draw = chance("sample", name, kind, turn)
                yield _joined(staged(scene, plan, school.shelf, draw))
    for bridge in plan.bridges():
        speech = Speech(plan.world, chance("sample", bridge.first.name, bridge.second.name))
        for chain in plan.free_chains(bridge)[0][:TURNS]:
            yield _joined(paragraphs([solved(speech, Item(chain, bridge), "restated")]))


def _joined(pieces: Iterable[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def tokens_per_character(school: School, codec: Codec, texts: int = 2000) -> float:
    """By a sample of the library."""
    some = list(islice(sample(school), texts))
    return codec.count(some) / max(1, sum(map(len, some)))
