"""Everything that reports say in English, found in their templates, scripts and modules."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, nodes

import litho

SOURCE = Path(litho.__file__).parent
SHOW = SOURCE / "show"
_NOUN = {"say": 0, "counted": 1}  # which argument is English


def files_saying() -> dict[str, set[str]]:
    """Each sentence with the names of the files that say it."""
    found: dict[str, set[str]] = {}
    for file in sorted(SHOW.rglob("*")):
        if file.suffix == ".py":
            sentences = _in_module(ast.parse(file.read_text(encoding="utf-8")))
        elif file.suffix == ".j2":
            sentences = _in_template(file.read_text(encoding="utf-8"))
        elif file.suffix == ".js":
            sentences = iter(re.findall(r'\bsay\("([^"]+)"', file.read_text(encoding="utf-8")))
        else:
            continue
        for sentence in sentences:
            found.setdefault(sentence, set()).add(file.name)
    return found


def _in_template(source: str) -> Iterator[str]:
    for call in Environment().parse(source).find_all(nodes.Call):
        name = getattr(call.node, "name", None)
        if name in _NOUN:
            argument = call.args[_NOUN[name]]
            yield from (each.value for each in _constants(argument))


def _constants(node: nodes.Node) -> Iterator[nodes.Const]:
    """The text itself, or either of two that are chosen between."""
    if isinstance(node, nodes.Const):
        yield node
    if isinstance(node, nodes.CondExpr):
        yield from (each for each in (node.expr1, node.expr2) if isinstance(each, nodes.Const))


def _in_module(tree: ast.Module) -> Iterator[str]:
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        if call.func.id == "to_say":
            yield from _values(call.args[0])
        elif call.func.id in _NOUN:
            yield from _either(call.args[_NOUN[call.func.id]])


def _either(node: ast.expr) -> Iterator[str]:
    """The text itself, or those that are chosen among."""
    if isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.IfExp):
        yield from (*_either(node.body), *_either(node.orelse))
    elif isinstance(node, ast.BoolOp):
        for each in node.values:
            yield from _either(each)


def _values(node: ast.expr) -> Iterator[str]:
    """Sentences of a dictionary's values, or of a list of them or of what begins with them."""
    if isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from _values(value)
    elif isinstance(node, ast.List | ast.Tuple):
        for each in node.elts:
            yield from _values(each.elts[0] if isinstance(each, ast.Tuple) else each)
