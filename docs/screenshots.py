"""Pictures of the workbench's pages in Chromium: `python docs/screenshots.py FOLDER OUT`.

FOLDER is served as it is; what its newest runs give is shown. A picture is named
PAGE-LANGUAGE-WIDTH.png. Those in the documentation are made, in an empty FOLDER, by
`python docs/screenshots.py FOLDER docs --pages read --widths 1000 --model bundled:smollm2-135m`.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Error, Page, sync_playwright

TEXT = (
    "The clock of Ostrava was built by Marek Dolny in 1931. It stands on the market square and "
    "strikes every quarter of an hour. During the flood of 1997 it stopped for nine days."
)
MARKED = (
    "The clock of Ostrava was built [[in 1931 | before the war]] by [[= Marek Dolny]]. It strikes "
    "every quarter of an hour[[?, even at night]]."
)
LONG = 180_000  # milliseconds: a model is loaded on the way


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = subprocess.Popen(
        [sys.executable, "-m", "litho", "serve", "--port", "0", "--no-browser"],
        cwd=folder,
        env=os.environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout
        while "http://" not in (line := server.stdout.readline()):
            assert line, "the server ended before it told its link"
        yield line.strip()
    finally:
        server.terminate()
        server.wait()


def walk(page: Page, base: str, model: str) -> Iterator[str]:
    """One page after the other; its name once it shows what it has."""
    page.goto(base)
    page.select_option("#model", model)
    page.fill("#text", TEXT)
    page.wait_for_selector("#maps:not([hidden])", timeout=LONG)
    page.locator(".reading span").nth(9).hover()
    yield "read"
    page.goto(f"{base}variants")
    page.select_option("#model", model)
    page.fill("#source", MARKED)
    page.wait_for_selector("#plan table", timeout=LONG)
    yield "variants"
    page.goto(f"{base}print")
    yield "print"
    page.goto(f"{base}ask")
    if page.locator("#question").count():
        page.fill("#tokens", "12")
        page.fill("#question", "Who built the clock?")
        page.keyboard.press("Enter")
        with suppress(Error):
            page.wait_for_selector(".said span", timeout=LONG)
            page.hover(".said span")
    yield "ask"
    for name in ("trails", "school", "runs", "effects"):
        page.goto(f"{base}{name}")
        page.wait_for_timeout(500)
        yield name
    for where, kind in (("trails", "trails/map"), ("school", "school/genome")):
        page.goto(f"{base}{where}")
        link = page.locator(f"a[href^='/{kind}']").first
        if link.count():
            link.click()
            page.wait_for_timeout(1500)
            yield kind.replace("/", "-")
    page.goto(f"{base}school")
    link = page.locator("a[href^='/school/family']").first
    if link.count():
        link.click()
        yield "family"
    page.goto(f"{base}runs?command=predict")
    link = page.locator("td.wide a").first
    if link.count():
        link.click()
        page.locator("a[href^='/matrix']").click()
        yield "matrix"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("folder", type=Path)
    asked.add_argument("out", type=Path)
    asked.add_argument("--widths", type=int, nargs="+", default=[1280, 400])
    asked.add_argument("--languages", nargs="+", default=["en", "ru"])
    asked.add_argument("--pages", nargs="+", help="all, if none is named")
    asked.add_argument("--model", default="tiny:llama")
    given = asked.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with served(given.folder) as link, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for width in given.widths:
            for language in given.languages:
                page = browser.new_page(
                    viewport={"width": width, "height": 900},
                    locale={"en": "en-US", "ru": "ru-RU"}[language],
                    color_scheme="dark" if width < 600 else "light",
                )
                page.goto(link)
                base = re.sub(r"[^/]*$", "", page.url)
                left = set(given.pages or ())
                for name in walk(page, base, given.model):
                    if given.pages and name not in left:
                        continue
                    page.wait_for_load_state()
                    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                    print(f"{name} {language} {width}{f': {wide} px too wide' if wide > 0 else ''}")
                    picture = given.out / f"{name}-{language}-{width}.png"
                    page.screenshot(path=picture, full_page=True)
                    left.discard(name)
                    if given.pages and not left:
                        break
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
