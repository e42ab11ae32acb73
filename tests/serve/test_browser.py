"""The story of the workbench in a real browser, in both languages, wide and narrow."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from litho.serve.queue import Queue
from litho.serve.words import Words
from litho.serve.worker import lock_of
from tests.builders import TEXT
from tests.serve.bench import served
from tests.serve.browsing import LONG, check_width, needs_chromium, opened

pytestmark = [pytest.mark.browser, needs_chromium]
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize(("width", "language"), [(1280, "en"), (400, "ru")])
def test_the_whole_story(browser: Browser, link: str, width: int, language: str) -> None:
    words = Words(language)
    page, trouble = opened(browser, link, width, language)
    assert page.url.endswith("/") and "token" not in page.url
    expect(page.get_by_role("heading", level=1)).to_have_text(words("read.heading"))

    # Read: the map comes by itself, is text whatever it holds, and answers to keys.
    page.select_option("#model", "tiny:llama")
    page.fill("#text", f"{TEXT} {HOSTILE}")
    expect(page.locator(".reading")).to_have_text(f"{TEXT} {HOSTILE}", timeout=LONG)
    page.locator(".reading").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tip")).to_contain_text('"h"')
    page.select_option("#adapter", "runs/done")
    expect(page.locator(".reading")).to_have_count(2, timeout=LONG)
    check_width(page)

    # Print: the text comes along; the cost is said before the button.
    page.get_by_role("button", name=words("read.print")).click()
    expect(page.locator("#text")).to_have_value(f"{TEXT} {HOSTILE}")
    expect(page.locator("#model")).to_have_value("tiny:llama")
    page.fill("#name", HOSTILE)
    page.click("#add")
    page.fill(".probe .prefix", "The man who built it was")
    page.fill(".probe .target", "Marek")
    expect(page.locator("#cost")).to_contain_text(re.compile("GiB|ГиБ"), timeout=LONG)
    check_width(page)
    page.get_by_role("button", name=words("print.start")).click()

    # The job is watched, paused, and thrown away.
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    expect(page.locator("#state")).to_have_text(words("state.running"), timeout=LONG)
    page.get_by_role("button", name=words("job.pause"), exact=True).click()
    expect(page.locator("#state")).to_have_text(words("state.paused"), timeout=LONG)
    check_width(page)
    page.get_by_text(words("job.cancel"), exact=True).click()
    page.get_by_role("button", name=words("job.cancel_really")).click()
    expect(page.locator("#state")).to_have_text(words("state.cancelled"))

    # Runs: the finished one, its report in a window of its own, its adapter.
    page.get_by_role("link", name=words("nav.runs")).first.click()
    expect(page.locator("td.wide a")).to_have_count(1)
    check_width(page)
    page.locator("td.wide a").click()
    check_width(page)
    with page.expect_download() as download:
        page.get_by_role("link", name=words("run.adapter")).click()
    assert download.value.suggested_filename == "adapter.zip"
    with page.expect_popup() as window:
        page.get_by_role("link", name=words("run.report")).click()
    report = window.value
    expect(report.locator(".plot .main-svg").first).to_be_visible(timeout=LONG)
    assert report.evaluate("self.origin") == "null"
    report.close()

    # Ask: two answers, side by side.
    page.get_by_role("link", name=words("run.ask")).click()
    page.fill("#tokens", "4")
    for voice in ("openbook", "retrieval"):
        page.uncheck(f"[value={voice}]")
    page.fill("#question", "Who built it?")
    page.keyboard.press("Enter")
    expect(page.locator(".answers p")).to_have_count(2)
    expect(page.locator("#question")).to_have_value("", timeout=LONG)
    expect(page.locator(".turn > b")).to_have_text("Who built it?")

    # A page that is loaded again begins anew; where another one asked meanwhile, it is said.
    page.reload()
    for voice in ("openbook", "retrieval"):
        page.uncheck(f"[value={voice}]")
    page.fill("#tokens", "4")
    asked = {"run": "runs/done", "voices": ["base"], "tokens": 1, "question": "?", "talk": "x"}
    for turn in (1, 2):
        page.fill("#question", "When?")
        page.keyboard.press("Enter")
        expect(page.locator(".turn")).to_have_count(turn)
        expect(page.locator("#question")).to_have_value("", timeout=LONG)
        expect(page.locator(".turn > p")).to_have_count(turn - 1)
        page.evaluate("async (asked) => (await send('/ask/answers', asked)).text()", asked)
    expect(page.locator(".turn > p")).to_have_text(words("js.talk_anew"))
    check_width(page)
    assert not trouble
    page.close()


def test_questions_are_kept_whatever_is_wrong_with_them(browser: Browser, link: str) -> None:
    words = Words("en")
    page, trouble = opened(browser, link, 1280, "en")
    start = page.get_by_role("button", name=words("print.start"))
    page.get_by_role("link", name=words("nav.print"), exact=True).click()
    page.fill("#text", TEXT)
    for number, answer in enumerate(("Marek", "")):
        page.click("#add")
        page.locator(".probe .prefix").nth(number).fill(f"Who {number}?")
        page.locator(".probe .target").nth(number).fill(answer)
    page.locator(".probe .kind").first.select_option("chat")
    start.click()
    expect(page.get_by_role("alert").first).to_contain_text("line 2")
    expect(page.locator(".probe .prefix")).to_have_count(2)
    assert page.locator(".probe .prefix").nth(0).input_value() == "Who 0?"
    assert page.locator(".probe .kind").nth(0).input_value() == "chat"
    page.get_by_role("link", name="Русский").click()  # which loses nothing
    expect(page.get_by_role("heading", level=1)).to_have_text(Words("ru")("print.heading"))
    expect(page.locator("#text")).to_have_value(TEXT)
    expect(page.locator(".probe .prefix")).to_have_count(2)
    page.get_by_role("link", name="English").click()
    page.click("#add")
    page.locator(".probe .prefix").nth(2).fill("Who 2?")
    assert (page.locator("#probes").input_value()).count("\n") == 2

    # What is too long is not sent.
    typed = """(text) => {
        form.text.value = text;
        form.text.dispatchEvent(new Event("input", { bubbles: true }));
        return form.text.validationMessage;
    }"""
    too_long = page.evaluate(typed, "\n" * 1_000_001)
    assert too_long == words("js.too_long", count="1,000,000")
    assert page.evaluate(typed, TEXT) == ""

    # What is no line of questions is shown as it is, and not written over.
    page.evaluate("document.querySelector('#probes').value = '[1]'")
    start.click()
    expect(page.get_by_role("alert").first).to_contain_text("line 1")
    expect(page.locator("#probes")).to_have_value("[1]")
    expect(page.locator("#add")).to_be_disabled()
    page.fill("#probes", "")
    page.locator("#name").focus()
    expect(page.locator("#probes")).to_be_hidden()
    page.click("#add")
    expect(page.locator(".probe")).to_have_count(1)
    assert all("400" in each for each in trouble)  # of the console: the form was refused
    page.close()


@pytest.mark.parametrize(("width", "language"), [(1280, "ru"), (400, "en")])
def test_a_genome_is_rearranged_by_hand(
    browser: Browser, link: str, width: int, language: str
) -> None:
    words = Words(language)
    page, trouble = opened(browser, link, width, language)
    page.get_by_role("link", name=words("nav.school"), exact=True).click()
    page.fill("[name=name]", f"school-{width}")
    page.get_by_role("button", name=words("school.new")).click()
    said, save = page.locator("#said"), page.get_by_role("button", name=words("genome.save"))
    expect(said).to_have_text(words("genome.unchanged"), timeout=LONG)
    expect(save).to_be_disabled()
    check_width(page)

    # By keyboard: the first book of the last stage becomes the second.
    last = page.locator("[data-stage]").last
    first = last.locator("[data-reading]").first
    name = first.get_attribute("data-reading")
    first.focus()
    page.keyboard.press("Alt+ArrowDown")
    expect(last.locator("[data-reading]").nth(1)).to_have_attribute("data-reading", name or "")
    expect(said).to_contain_text("dialogue, tail.")
    expect(last.locator(".again")).to_be_visible()
    expect(save).to_be_enabled()

    # By buttons: a stage without books is at fault, and cannot be saved.
    primer = page.locator("[data-stage=primer]")
    while primer.locator("[data-reading]").count():
        primer.locator("[data-reading]").first.click()
        page.get_by_role("button", name=words("genome.out"), exact=True).click()
    expect(said).to_contain_text("primer: ")
    expect(save).to_be_disabled()
    page.get_by_role("link", name=words("genome.undo")).click()
    expect(said).to_have_text(words("genome.unchanged"), timeout=LONG)
    page.wait_for_load_state()  # its script listens from then on

    # By dragging: a stage before another one; saved, it is a genome of its own.
    if width > 1000:
        page.locator("[data-stage=science] .head").drag_to(page.locator("[data-stage=school]"))
    else:
        page.locator("[data-stage=science] .head").click()
        for _ in range(2):
            page.get_by_role("button", name=words("genome.left"), exact=True).click()
    expect(page.locator("[data-stage]").nth(1)).to_have_attribute("data-stage", "science")
    expect(save).to_be_enabled(timeout=LONG)
    name_field = page.locator("#save [name=name]")
    name_field.fill(f"school-{width}")
    save.click()
    expect(page.locator("#trouble")).to_contain_text("exists already")
    name_field.fill(f"school-{width}-2")
    save.click()
    page.wait_for_url(f"**school-{width}-2.yaml")
    expect(page.locator("[data-stage]").nth(1)).to_have_attribute("data-stage", "science")
    assert len(trouble) == 1 and "400" in trouble[0]  # of the name that there was
    page.close()


def test_marks_are_coloured_and_varied(browser: Browser, link: str) -> None:
    page, trouble = opened(browser, link, 400, "ru")
    page.get_by_role("link", name=Words("ru")("nav.variants"), exact=True).click()
    page.select_option("#model", "tiny:llama")
    source = f"The clock was built [[in 1931 | before the war]] {HOSTILE}."
    page.fill("#source", source)
    expect(page.locator("#marks .open")).to_have_text("[[")
    assert (page.locator("#marks").text_content() or "").rstrip("\n") == source
    expect(page.locator("#plan tbody tr").first).to_contain_text(HOSTILE, timeout=LONG)
    check_width(page)
    page.fill("#source", "one\ntwo [[? three")
    expect(page.locator("#fault")).to_contain_text("Строка 2, столбец 5")
    assert not trouble
    page.close()


def test_a_job_says_when_the_server_was_started_anew(browser: Browser, tmp_path: Path) -> None:
    job = Queue(tmp_path).add("map", "x", "runs/x", {})
    with lock_of(tmp_path), served(tmp_path) as (_, link):  # nobody does the job
        page, _ = opened(browser, link, 400, "ru")
        page.route("**/events?*", lambda route: route.fulfill(status=401))
        page.goto(f"{page.url}jobs/{job.id}")
        expect(page.locator("#trouble")).to_have_text(Words("ru")("js.reopen"))
        page.close()


def test_the_language_can_be_chosen(browser: Browser, link: str) -> None:
    page, trouble = opened(browser, link, 1280, "en")
    page.goto(page.url + "runs?q=done")
    page.get_by_role("link", name="Русский").click()
    assert page.url.endswith("/runs?q=done")
    expect(page.get_by_role("heading", level=1)).to_have_text(Words("ru")("runs.heading"))
    assert page.locator("html").get_attribute("lang") == "ru" and not trouble
    page.close()
