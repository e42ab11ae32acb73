"""The report in a real browser: it draws, fits, follows the theme and asks no network."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from safetensors.numpy import save_file

from litho.core.runs import RunDirectory
from litho.core.stats import MeanAndMax
from litho.jobs.diff.result import DiffLayer, DiffOnset, DiffResult
from litho.jobs.map.result import MapLayer, MapResult
from litho.show.report import write_report
from tests.show.runs import HOSTILE as NAME
from tests.show.runs import KINDS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="needs Chromium (Debian: apt-get install chromium)"
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield found
        found.close()


def opened(browser: Browser, path: Path, width: int, scheme: str) -> tuple[Page, list[str]]:
    """The report in a window, and everything that went wrong or was asked of the network."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    trouble: list[str] = []
    page.on("console", lambda m: trouble.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on(
        "request", lambda r: None if r.url.startswith(("file:", "data:")) else trouble.append(r.url)
    )
    page.goto(path.as_uri())
    expect(page.locator(".plot:not(:has(.main-svg))")).to_have_count(0, timeout=20_000)
    if page.locator(".reading[data-state]").count():
        expect(page.locator(".reading .chosen").first).to_be_attached()
    return page, trouble


LAYERS = 3
HOSTILE = " <img src=x onerror=alert(1)>"


def token_row(i: int, endings: tuple[str, ...]) -> dict[str, Any]:
    """Token i is one of ten words; each state expects it first and the next word second."""
    row: dict[str, Any] = {"text": HOSTILE if i % 10 == 9 else f" word{i % 10}"}
    for k, ending in enumerate(endings):
        options = [(row["text"], 0.5 + k / 4), (f" other{ending}", 0.125)]
        row |= {
            f"surprise{ending}": 0.7,
            f"rank{ending}": 1,
            f"alternatives{ending}": [{"word": w, "probability": p} for w, p in options],
        }
    return row


def edge(token: int, source: int, head: int, share: float, **state: str) -> dict[str, Any]:
    return state | {"token": token, "source": source, "layer": 1, "head": head, "share": share}


def written(run: RunDirectory, rows: list[dict[str, Any]], maps: dict[str, Any]) -> Path:
    run.write_rows("tokens.parquet", rows)
    save_file(maps, run.path / "maps.safetensors")
    return write_report(run)


def compared(path: Path, count: int) -> Path:
    """The report of a `diff` of `count` tokens; after token 4 the prediction moved most."""
    path.mkdir()
    run = RunDirectory(path)
    rows = [token_row(i, ("_before", "_after")) for i in range(count)]
    rows = [row | {"kl": float(i == 4), "reverse_kl": 0.0} for i, row in enumerate(rows)]
    states = ("before", "after")
    edges = [edge(i, max(0, i - 1), 0, 0.75, state=s) for i in range(count) for s in states]
    edges += [edge(4, 3, 2, 0.5, state="before"), edge(4, 1, 1, 0.25, state="after")]
    run.write_rows("edges.parquet", edges)
    alike = {"relative_norm": 0.1, "cosine": 1.0, "cka": None, "rank_before": 2, "rank_after": 2}
    judged = {"own_effect": 0.1, "null": (0.05, 0.2), "p": 1.0}
    result = DiffResult(
        run=str(path),
        tokens=count,
        kl=MeanAndMax(mean=0.1, max=1.0),
        reverse_kl=MeanAndMax(mean=0.1, max=1.0),
        onset=DiffOnset(layer=None, p=1.0),
        layers=tuple(DiffLayer(layer=i, **alike, **judged) for i in range(LAYERS)),
        heads=(),
        effects=(),
    )
    run.write_json("metrics.json", result.model_dump())
    config = {"nulls": 16, "null_tokens": 128}
    states_of = {"before": {"name": "a"}, "after": {"name": "b"}}
    run.write_yaml(
        "manifest.yaml", {"command": "diff", "text_name": "t", "config": config} | states_of
    )
    shift = np.linspace(0.01, 1, LAYERS * count, dtype=np.float32).reshape(LAYERS, count)
    return written(run, rows, {"relative_LT": shift})


def mapped(path: Path, count: int) -> Path:
    """The report of a `map` made before edges were kept."""
    path.mkdir()
    run = RunDirectory(path)
    mean = MeanAndMax(mean=1.0, max=2.0)
    layers = tuple(
        MapLayer(layer=i, norm=1.0, relative_change=0.1, cosine=1.0) for i in range(LAYERS)
    )
    result = MapResult(
        run=str(path),
        tokens=count,
        surprise=mean,
        entropy=mean,
        top1=0.5,
        layers=layers,
        heads=(),
    )
    run.write_json("metrics.json", result.model_dump())
    manifest = {"command": "map", "text_name": "t", "model": {"name": "a"}, "adapter": None}
    run.write_yaml("manifest.yaml", manifest)
    rows = [token_row(i, ("",)) for i in range(count)]
    return written(run, rows, {"change_LT": np.ones((LAYERS, count), np.float32)})


def cell(page: Page, token: int, count: int) -> tuple[float, float]:
    """Where a token's column of the heat map lies in the window."""
    area = page.locator('[data-figure="figure-map"] .nsewdrag')
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box
    return box["x"] + box["width"] * (token + 0.5) / count, box["y"] + 20


def column_of_the_map(page: Page) -> list[float]:
    return page.evaluate(
        "document.querySelector('[data-figure=figure-map]').layout.shapes.map(s => s.x0 + 0.5)"
    )


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_report_opens(browser: Browser, finished: Path, width: int, scheme: str) -> None:
    page, trouble = opened(browser, finished / "report.html", width, scheme)
    assert trouble == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".plot").count() == page.locator(".plot:has(.main-svg)").count() == 6
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) < 384) == (scheme == "dark")
    page.close()


def test_pointing_at_a_token_shows_what_the_model_expected(
    browser: Browser, finished: Path
) -> None:
    page, _ = opened(browser, finished / "report.html", 1280, "light")
    token = page.locator(".reading span").nth(5)
    token.hover()
    tip = page.locator("#tip")
    assert tip.is_visible()
    assert "surprise" in tip.inner_text() and "%" in tip.inner_text()
    assert page.locator(".reading").first.inner_text().startswith("The clock of Ostrava")
    page.close()


def test_arrow_keys_walk_through_a_text(browser: Browser, finished: Path) -> None:
    page, _ = opened(browser, finished / "report.html", 1280, "light")
    text = page.locator(".reading").last
    expect(text.locator(".chosen")).to_have_count(1)
    text.focus()
    for _ in range(500):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    expect(text.locator("span").nth(1)).to_have_class("chosen")
    assert "surprise" in page.locator("#tip").inner_text()
    page.keyboard.press("Escape")
    assert not page.locator("#tip").is_visible()
    page.close()


@pytest.mark.parametrize("width", [1280, 400])
def test_choosing_a_token_shows_what_it_looks_at_and_what_follows(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    page, trouble = opened(browser, compared(tmp_path / "run", 12), width, "light")
    before, after = page.locator("#flow svg").all()
    # The token whose prediction moved most is there from the start, one line for each source.
    assert page.locator(".reading .chosen").first.text_content() == " word4"
    assert before.locator(".source .word").all_text_contents() == ['" word3"']
    assert before.locator(".source .small").all_text_contents() == ["1.0 +1 · 75 %"]
    assert after.locator(".source .word").all_text_contents() == ['" word3"', '" word1"']
    assert after.locator(".source.new .word").all_text_contents() == ['" word1"']
    assert before.locator(".shift").count() == 0 and after.locator(".shift").count() == 1
    assert before.locator(".output title").all_text_contents() == [
        '" word5": 50.0 %, the token that follows in the text',
        '" other_before": 12.5 %',
    ]
    # Another one, from the text; what it looks at is chosen by a click, too.
    page.locator(".reading").first.locator("span").nth(9).click()
    assert page.locator("#flow .output.actual .word").first.text_content() == '" word0"'
    page.locator("#flow .source .word").first.click()
    assert page.locator(".reading .chosen").first.text_content() == " word8"
    page.locator("#token-on").click()
    assert page.locator(".reading .chosen").first.text_content() == HOSTILE
    assert page.locator("body img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert trouble == []
    page.close()


def test_the_map_and_the_text_mark_each_other(browser: Browser, tmp_path: Path) -> None:
    page, _ = opened(browser, compared(tmp_path / "run", 12), 1280, "light")
    assert column_of_the_map(page) == [4]
    at = cell(page, 7, 12)
    page.mouse.move(*at)
    expect(page.locator(".reading .pointed")).to_have_text([" word7", " word7"])
    assert "token 7, layer 2" in page.locator("#tip").inner_text()
    assert page.locator("#map-context .chosen").text_content() == " word7"
    page.mouse.click(*at)
    expect(page.locator(".reading .chosen")).to_have_text([" word7", " word7"])
    assert column_of_the_map(page) == [7]
    page.locator(".reading").last.locator("span").nth(2).click()
    assert column_of_the_map(page) == [2]
    page.close()


def test_the_field_shows_both_states(browser: Browser, tmp_path: Path) -> None:
    page, _ = opened(browser, compared(tmp_path / "run", 200), 1280, "light")
    columns = page.locator("#field .column")
    assert columns.count() == 60
    third = columns.nth(3)
    assert third.locator(".read").inner_text() == "word3"
    # The likeliest lies next to the token: at the bottom above it, at the top below it.
    above = third.locator("[data-state=before] .cell")
    below = third.locator("[data-state=after] .cell")
    assert above.all_inner_texts()[-2:] == ["other_before", "word3"]
    assert below.all_inner_texts()[:2] == ["word3", "other_after"]
    assert third.locator(".cell.actual").all_inner_texts() == ["word3", "word3"]
    below.first.hover()
    assert "75.0 %" in page.locator("#tip").inner_text()
    page.locator("#field-on").click()
    assert columns.first.get_attribute("data-i") == "60"
    page.locator("#field-from").fill("140")
    assert page.locator("#field-says").inner_text() == "tokens 140 to 199 of 200"
    columns.last.click()
    assert page.locator(".reading .chosen").first.get_attribute("data-i") == "199"
    page.close()


def test_a_map_without_edges_leaves_their_graph_out(browser: Browser, tmp_path: Path) -> None:
    page, trouble = opened(browser, mapped(tmp_path / "run", 12), 400, "dark")
    assert page.locator("#flow").count() == 0
    assert page.locator("#field .column").count() == 12
    page.locator(".reading span").nth(3).click()
    assert column_of_the_map(page) == [3]
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert trouble == []
    page.close()


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_drawn_as_words(browser: Browser, tmp_path: Path, kind: str) -> None:
    path = write_report(KINDS[kind](tmp_path / "run"))
    page, trouble = opened(browser, path, 400, "light")
    assert trouble == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    if kind == "predict":
        assert '<a href="https:/…' in page.locator(".yaxislayer-above").all_text_contents()[0]
        area = page.locator(".nsewdrag").first
        area.scroll_into_view_if_needed()
        box = area.bounding_box()
        assert box
        page.mouse.move(box["x"] + 5, box["y"] + 5)
        expect(page.locator(".hoverlayer")).to_contain_text(NAME)
    assert page.locator("a").count() == 0
    page.close()


def test_no_other_script_runs(browser: Browser, tmp_path: Path) -> None:
    path = mapped(tmp_path / "run", 12)
    html = path.read_text()
    path.write_text(html.replace("</body>", "<script>window.got = 1</script></body>"))
    page, trouble = opened(browser, path, 400, "light")
    assert page.evaluate("window.got") is None and "Content Security Policy" in trouble[0]
    page.close()


def test_a_long_text_stays_light(browser: Browser, tmp_path: Path) -> None:
    path = compared(tmp_path / "run", 2500)
    page, trouble = opened(browser, path, 1280, "light")
    assert page.locator(".reading").first.locator("span").count() == 2500
    assert page.evaluate("document.querySelectorAll('*').length") < 10_000
    assert trouble == []
    page.close()
