"""Narrative between the facts: a small grammar that names nothing of the world."""

from random import Random

_WHO = (
    "the old teacher", "a tired traveller", "the miller's daughter", "a young scribe", "the baker",
    "the keeper of the bridge", "a quiet boy", "the woman next door", "the captain of the guard",
    "a shepherd", "the two brothers", "a merchant from the coast", "the widow", "our neighbour",
)  # fmt: skip
_WHEN = (
    "before the sun was up", "after supper", "on the first day of the fair", "late in the evening",
    "when the rain had stopped", "while the others slept", "on the way home", "early that morning",
    "at the end of the week", "as soon as the gate was open", "long ago", "without a word",
)  # fmt: skip
_DID = (
    "walked down to the market", "sat by the window and counted the carts", "mended the fence",
    "told the children a story", "waited for a letter", "closed the heavy book", "lit the lamp",
    "wrote a line in the diary", "asked the way to the inn", "put the kettle on the fire",
    "looked for a lost key", "laughed until the dog barked", "packed a bag for the journey",
    "went back for a warm coat", "shared a loaf with the stranger", "began to sing",
)  # fmt: skip
_THEN = (
    "Nobody said anything for a while.", "Then the wind turned.", "The road was still wet.",
    "It was a good day for reading.", "The bells rang twice.", "There was bread enough for all.",
    "Everyone wanted to hear more.", "That was all they needed to know.", "The lesson went on.",
    "A cart passed by outside.", "The candle had burned low.", "Somebody knocked at the door.",
)  # fmt: skip


def filler(chance: Random) -> str:
    """One sentence."""
    match chance.randrange(4):
        case 0:
            return chance.choice(_THEN)
        case 1:
            said = f"{chance.choice(_WHEN)}, {chance.choice(_WHO)} {chance.choice(_DID)}"
        case 2:
            said = f"{chance.choice(_WHO)} {chance.choice(_DID)} {chance.choice(_WHEN)}"
        case _:
            first, second = chance.sample(_DID, 2)
            said = f"{chance.choice(_WHO)} {first} and then {second}"
    return f"{said[0].upper()}{said[1:]}."
