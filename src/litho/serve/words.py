"""What the pages say, in the languages of the catalogue `words.yaml`."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml

from litho.show.say import DEFAULT as DEFAULT
from litho.show.say import LANGUAGES as LANGUAGES
from litho.show.say import retold, speaking


class Words:
    """The sentences of one language by name; a name that there is not is an error."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else DEFAULT

    def __call__(self, name: str, /, **values: object) -> str:
        said = catalogue()[name][self.language]
        return said.format(**values) if values else said

    def or_as_it_is(self, kind: str, said: str) -> str:
        """What jobs say in English, in this language where the catalogue knows it."""
        entry = catalogue().get(f"{kind}.{said}")
        return entry[self.language] if entry else said

    def retold(self, recorded: str) -> str:
        """A sentence that a job recorded, in this language where the reports' catalogue has it."""
        with speaking(self.language):
            return retold(recorded)

    def beginning(self, prefix: str) -> dict[str, str]:
        """The sentences of scripts: those whose names begin so, without the prefix."""
        return {
            name.removeprefix(prefix): said[self.language]
            for name, said in catalogue().items()
            if name.startswith(prefix)
        }


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    text = (files("litho.serve") / "words.yaml").read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    read: dict[str, dict[str, str]] = yaml.load(text, loader)
    return read


def preferred(accept: str) -> str:
    """The first language of an Accept-Language header that the catalogue has."""
    for part in accept.split(","):
        language = part.split(";")[0].strip().lower()[:2]
        if language in LANGUAGES:
            return language
    return DEFAULT
