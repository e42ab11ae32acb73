"""Puts the pages of this repository onto one site: a hook of MkDocs, which `make site` runs twice.

Pages lie where they are read in the repository, and link to one another there. The site takes them
from there, in one language: the Russian site takes PAGE.ru.md where there is one. Links are
rewritten to where pages are on the site, and files that a page links to come along.
"""

import posixpath
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import litho

ROOT = Path(__file__).parents[1]
GATHERED = ["*.md", "docs/*.md", "log/*.md", "benchmarks/RESULTS.md", "benchmarks/results/*.md"]
# Pages with another name on the site. Those of docs/ are at its top, all others where they are.
MOVED = {
    "README.md": "index.md",
    "docs/index.md": "pages.md",
    "log/README.md": "log/index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
RU = ".ru.md"
FENCED = r"^```.*?^```$"
FENCE = re.compile(FENCED, re.MULTILINE | re.DOTALL)
CODE = re.compile(FENCED + r"|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r'(?<=\]\()[^)\s]+(?=\))|(?<=src=")[^"]+(?=")|(?<=href=")[^"]+(?=")')
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
# A Russian page may end with this line; the rest of it is that of the English page.
CONTINUED = re.compile(r"^<!-- continued in English: (.+) -->$", re.MULTILINE)
# What leads to the other language in the repository; the site has a switch of its own.
SWITCH = re.compile(r"^\[(?:По-русски|In English)\]\([\w.-]+\)\n+", re.MULTILINE)
# A result is its fields.
RESULTS = (
    "{show_root_heading: false, show_root_toc_entry: false, show_bases: false, show_labels: false,"
    " show_if_no_docstring: true, members_order: source}"
)
# What a browser fetches unasked, if it is elsewhere.
FETCHED = re.compile(
    r"<(?:script|img|iframe|source|video)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^>]*>"
    r"|<link\b(?![^>]*rel=[\"']?canonical)[^>]*\bhref=[\"']?(?:https?:)?//[^>]*>"
    r"|(?:@import\s*[\"']|url\([\"']?)(?:https?:)?//[^)\"']*"
)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The contents: results, log and reference get their pages, and words their language."""
    nav: Any = config.nav
    parts = {name: part for each in nav for name, part in each.items()}
    parts["Results"] += [name for name in pages() if name.startswith("benchmarks/results/")]
    parts["Log"] += sorted((n for n in pages() if n.startswith("log/2")), reverse=True)
    parts["Python"] += [{name: place} for name, (place, _) in reference().items()]
    config.nav = _said(nav, config.extra.get("words", {}))
    return config


def _said(part: Any, words: dict[str, str]) -> Any:  # noqa: ANN401  whatever the file holds
    if isinstance(part, list):
        return [_said(each, words) for each in part]
    if isinstance(part, dict):
        return {words.get(name, name): _said(each, words) for name, each in part.items()}
    return part


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Every page in its place, in the language of the site, and the files that pages link to."""
    for file in list(files):
        if file.is_documentation_page():
            files.remove(file)
    for name in pages():
        files.append(_generated(config, placed(name), version(name, config)))
        for target in {*linked(name), *linked(str(version(name, config).relative_to(ROOT)))}:
            if placed(target) not in files.src_uris and not target.endswith(".md"):
                files.append(_generated(config, placed(target), ROOT / target))
    for place, text in reference().values():
        files.append(File.generated(config, place, content=text))
    return files


def _generated(config: MkDocsConfig, place: str, path: Path) -> File:
    return File.generated(config, place, abs_src_path=str(path))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """A page as the site needs it: its headings named as in English, its links moved."""
    name = {placed(name): name for name in pages()}.get(page.file.src_uri)
    if name is None:
        return markdown
    path = version(name, config)
    text = SWITCH.sub("", whole(path))
    names = iter(anchors(ROOT / name))

    def named(part: str) -> str:
        return HEADING.sub(lambda heading: f"{heading[0]} {{#{next(names)}}}", part)

    def led(part: str) -> str:
        return LINK.sub(lambda link: moved(link[0], str(path.relative_to(ROOT))), part)

    return outside(CODE, outside(FENCE, text, named), led)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """The switch of languages leads to the same page."""
    places = {"en": page.url, "ru": posixpath.join("ru", page.url)}
    here = posixpath.normpath(places[config.theme["language"]])

    def switch(found: re.Match[str]) -> str:
        there = posixpath.relpath(posixpath.normpath(places[found[1]]), here)
        return f'href="{there}/" hreflang="{found[1]}"'

    # The theme's script would look for a sitemap under each of these, which are pages here.
    output = re.sub(r'<link rel="alternate"[^>]*hreflang[^>]*>', "", output)
    return re.sub(r'href="[^"]*" hreflang="(\w+)"', switch, output)


def on_post_build(config: MkDocsConfig) -> None:
    """No page may ask anything of another host."""
    for path in Path(config.site_dir).rglob("*"):
        if path.suffix in {".html", ".css"}:
            asked = FETCHED.search(path.read_text(encoding="utf-8"))
            if asked:
                raise PluginError(f"{path} asks another host: {asked[0][:200]}")


def russian(config: MkDocsConfig) -> bool:
    return config.theme["language"] == "ru"


@cache
def pages() -> list[str]:
    """All pages by their English names, from the root of the repository."""
    found = (path for pattern in GATHERED for path in ROOT.glob(pattern))
    return sorted(str(path.relative_to(ROOT)) for path in found if not path.name.endswith(RU))


def placed(name: str) -> str:
    """Where a page or file of the repository is on the site."""
    return MOVED.get(name, name.removeprefix("docs/"))


def version(name: str, config: MkDocsConfig) -> Path:
    """The file of a page in the language of the site, in English if there is no other."""
    translated = ROOT / name.replace(".md", RU)
    return translated if russian(config) and translated.is_file() else ROOT / name


def whole(path: Path) -> str:
    """The text of a page, to its end: what is not translated follows in English."""
    text = path.read_text(encoding="utf-8")
    rest = CONTINUED.search(text)
    if not rest:
        return text
    english = path.with_name(path.name.replace(RU, ".md")).read_text(encoding="utf-8")
    return text[: rest.start()] + english[english.index(f"\n## {rest[1]}\n") + 1 :]


def moved(link: str, name: str) -> str:
    """A link of a page, English or Russian, as it leads there on the site."""
    if "://" in link or link.startswith("mailto:"):
        return link
    folder, (file, _, anchor) = posixpath.dirname(name), link.partition("#")
    target = posixpath.normpath(posixpath.join(folder, file)) if file else name
    if target.endswith(RU):
        english = target.replace(RU, ".md")
        named = dict(zip(anchors(ROOT / target), anchors(ROOT / english), strict=False))
        target, anchor = english, named.get(anchor, anchor)
    here = posixpath.dirname(placed(name.replace(RU, ".md")))
    return posixpath.relpath(placed(target), here or ".") + (f"#{anchor}" if anchor else "")


def linked(name: str) -> Iterator[str]:
    """The files of the repository that a page links to."""
    text = CODE.sub("", (ROOT / name).read_text(encoding="utf-8"))
    for link in LINK.findall(text):
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), link.partition("#")[0]))
        if "://" not in link and (ROOT / target).is_file():
            yield target


def outside(code: re.Pattern[str], text: str, change: Callable[[str], str]) -> str:
    """A text that is changed everywhere but in code."""
    kept = code.findall(text)
    parts = [change(part) for part in code.split(text)]
    return "".join(part + code for part, code in zip(parts, [*kept, ""], strict=True))


def anchors(path: Path) -> list[str]:
    """The headings of a page, as links name them."""
    headings = HEADING.findall(FENCE.sub("", whole(path)))
    plain = [re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in headings]
    again = [plain[:place].count(each) for place, each in enumerate(plain)]
    return [f"{each}-{times}" if times else each for each, times in zip(plain, again, strict=True)]


@cache
def reference() -> dict[str, tuple[str, str]]:
    """Titles of the pages on Python's functions, each with its place and content."""
    functions = [name for name in litho.__all__ if name.islower()]
    found = {
        f"litho.{name}": (f"reference/{name}.md", f"# litho.{name}\n\n::: {home(name)}\n")
        for name in functions
    }
    kinds = "".join(f"\n::: {home(name)}\n" for name in litho.__all__ if not name.islower())
    title = "Device, events, errors"
    found[title] = ("reference/kinds.md", f"# {title}\n{kinds}")
    for path in sorted(ROOT.glob("src/litho/jobs/*/result.py")):
        job, title = path.parent.name, f"Results of {path.parent.name}"
        shown = f"::: litho.jobs.{job}.result\n    options: {RESULTS}\n"
        found[title] = (f"reference/results-{job}.md", f"# {title}\n\n{shown}")
    return found


def home(name: str) -> str:
    """Where a name of `import litho` is defined."""
    return f"{litho._ELSEWHERE.get(name, 'litho.api')}.{name}"
