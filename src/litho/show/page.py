"""A report as a page: one HTML file with everything in it, which asks no network for anything.

What is much, Plotly and the data of the figures, is packed by gzip, and the page unpacks it. Only
two scripts may run, ours and Plotly, each named by its hash in the page's Content-Security-Policy,
so that no text that got into a page could run as one.
"""

import gzip
import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from math import isnan
from typing import Any, NamedTuple

import yaml
from jinja2 import Environment
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from litho.core.numbers import numbers_in
from litho.core.runs import RunDirectory
from litho.show.environment import templates_of
from litho.show.say import DEFAULT, LANGUAGES, catalogue, counted, language, retold, say

_TEMPLATES = files("litho.show") / "templates"


class Origin(NamedTuple):
    """Where a run came from."""

    manifest: dict[str, Any]  # open: each job notes what it depends on
    settings: dict[str, Any]  # inputs and settings by name


def origin_of(run: RunDirectory) -> Origin:
    """What a run was started from; comparisons of earlier versions say nothing of it."""
    known = {path.name for path in run.path.iterdir()}
    manifest = run.read_yaml("manifest.yaml") if "manifest.yaml" in known else {}
    inputs = run.read_json("inputs.json") if "inputs.json" in known else {}
    return Origin(manifest, {**inputs, **manifest, **manifest.get("config", {})})


def render(
    template: str,
    run: RunDirectory,
    title: str,
    data: Mapping[str, Any],
    numbers: object = None,
    **values: object,
) -> str:
    """A page made of a template and of `data`: figures and what else its scripts read, by name.

    `numbers`: JSON whose numbers are listed at the end; by default all of `metrics.json`.
    """
    origin = origin_of(run)
    script, plotly = _script(), get_plotlyjs() if data else ""
    listed = run.read_json("metrics.json") if numbers is None else numbers
    shared = {
        "title": title,
        "css": Markup(_asset("base.css")),
        "script": Markup(script),
        "script_hashes": Markup(" ".join(_hash(code) for code in (script, plotly) if code)),
        "packed_data": _packed(_json({**data, "words": _script_words()})),
        "packed_plotly": _packed_plotly() if data else "",
        "data": data,
        "manifest": origin.manifest,
        "settings": origin.settings,
        "manifest_yaml": yaml.safe_dump(origin.manifest, sort_keys=False, allow_unicode=True),
        "numbers": list(flat_numbers(listed)),
    }
    return _rendered(template, shared | values)


def render_plain(template: str, **values: object) -> str:
    """A page of no run, made of a template that has neither figures nor scripts."""
    return _rendered(template, {"css": Markup(_asset("base.css")), **values})


def _rendered(template: str, values: Mapping[str, object]) -> str:
    return _environment().get_template(template).render(language=language(), **values)


def script_hashes() -> tuple[str, str]:
    """The two scripts of a report, ours and Plotly, as a Content-Security-Policy names them."""
    return _hash(_script()), _hash(get_plotlyjs())


def number(value: float | None, form: str) -> str:
    """A number as `form`, such as `%.2f`, says, or a dash where nothing was measured."""
    return "–" if value is None or isnan(value) else form % value


def sentence(words: str) -> str:
    """What begins with a small letter and has no full stop, as a sentence."""
    return f"{words[0].upper()}{words[1:]}."


def flat_numbers(value: Any, path: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401  JSON
    """Every leaf of a JSON value that is a number, with its path, as the report prints it."""
    return ((name, f"{found:.6g}") for name, found in numbers_in(value, path))


@cache
def _environment() -> Environment:
    environment = templates_of("litho.show")
    environment.filters |= {"number": number, "retold": retold, "sentence": sentence}
    environment.globals |= {"say": _say, "counted": counted}
    return environment


def _say(sentence: str, /, **values: object) -> Markup:
    """A sentence of a template: its tags are ours, and what is put into it is escaped.

    What no template says, such as a name that stands in a run, is escaped as a whole.
    """
    said = Markup(say(sentence)) if sentence in _sentences() else escape(sentence)
    return said.format(**values) if values else said


@cache
def _sentences() -> frozenset[str]:
    """All sentences of ours, in English: a test finds those that a language lacks."""
    return frozenset(english for each in LANGUAGES for english in catalogue(each))


def _script_words() -> Mapping[str, str]:
    """What the scripts say, by its English; in English nothing."""
    if language() == DEFAULT:
        return {}
    return {english: say(english) for english in re.findall(r'\bsay\("([^"]+)"', _script())}


@cache
def _script() -> str:
    return _asset("base.js") + _asset("token.js")


def _asset(name: str) -> str:
    """A stylesheet or script of ours, which is put into the page as it is."""
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@cache
def _packed_plotly() -> str:
    return _packed(get_plotlyjs())


def _packed(text: str) -> str:
    return b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _hash(code: str) -> str:
    """A script as a Content-Security-Policy names it."""
    return f"'sha256-{b64encode(sha256(code.encode()).digest()).decode()}'"
