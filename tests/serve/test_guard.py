"""Attacks that must fail: other pages, other names, no key, forged forms, paths, sizes, texts."""

import json
import os
import pickle
import re
import shutil
from collections.abc import Callable
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from litho.serve.folder import Folder
from litho.serve.guard import HEADERS, MOST_BYTES, cookies, policy
from litho.serve.pages.base import Bench
from litho.text.school.canonical import of_world, written
from tests.jobs.genome.test_compiler import WORLD
from tests.serve.bench import HERE, KEYS, posted, sent, written_run
from tests.show.runs import HOSTILE

PAGES = (
    "/", "/print", "/ask", "/runs", "/compare", "/variants", "/trails", "/school", "/effects",
)  # fmt: skip
CHANGING = (
    "/print", "/print/text", "/read/map", "/run/delete", "/run/resume", "/jobs/1/cancel",
    "/variants/run", "/trails", "/school/new", "/school/save", "/school/start", "/school/exam",
)  # fmt: skip
ASKING = (
    "/read/tokens", "/print/cost", "/print/probes", "/ask/answers", "/variants/markup",
    "/variants/plan", "/trails/cost", "/school/check", "/school/cost",
)  # fmt: skip


def test_nothing_is_shown_without_the_key(stranger: TestClient) -> None:
    for path in (
        *(*PAGES, "/run?path=x", "/jobs/1", "/jobs/1/events", "/language", "/matrix?path=x"),
        *("/school/genome?path=x", "/school/family?path=x", "/trails/map?path=x", "/v1/models"),
    ):
        answer = stranger.get(path)
        assert answer.status_code == 401 and "litho serve" in answer.text, path


def test_a_browser_is_refused_by_a_page(stranger: TestClient) -> None:
    answer = stranger.get("/jobs/1", headers={"Accept": "text/html", "Accept-Language": "ru"})
    assert answer.status_code == 401 and answer.headers["content-type"].startswith("text/html")
    assert "<h1>Не получилось</h1>" in answer.text and "litho serve" in answer.text
    assert "<script" not in answer.text and KEYS.csrf not in answer.text
    (nonce,) = set(re.findall(r"nonce-([\w-]+)'", answer.headers["content-security-policy"]))
    assert f'nonce="{nonce}"' in answer.text


def test_a_stranger_learns_no_secret(stranger: TestClient) -> None:
    """Also of what is shown without the cookie."""
    for path in ("/open", "/open?token=x", "/static/none.js", "/static/base.js", "/nothing"):
        said = stranger.get(path)
        assert not any(
            key in f"{said.text} {said.headers}" for key in (KEYS.csrf, KEYS.session, KEYS.token)
        ), path


def test_the_key_opens_once_it_is_right_and_leaves_the_address(stranger: TestClient) -> None:
    for wrong in ("", "?token=", "?token=x", f"?token={KEYS.session}", f"?token={KEYS.csrf}"):
        assert stranger.get(f"/open{wrong}").status_code == 401
        assert not stranger.cookies
    answer = stranger.get(KEYS.link)
    assert answer.status_code == 303 and answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and KEYS.token not in cookie
    assert stranger.get("/").status_code == 200


def test_other_names_of_this_machine_are_refused(client: TestClient) -> None:
    for host in ("evil.example", "evil.example:8470", "127.0.0.1", "127.0.0.1:80", ""):
        for path in ("/", KEYS.link.removeprefix(HERE)):
            answer = client.get(path, headers={"Host": host})
            assert answer.status_code == 421 and "set-cookie" not in answer.headers, host


OTHERS = ("http://evil.example", "https://127.0.0.1:8470", "http://127.0.0.1:80", "null", None)


def test_other_pages_change_and_ask_nothing(client: TestClient) -> None:
    for origin in OTHERS:
        headers = {"Origin": origin} if origin else {}
        for path in (*CHANGING, *ASKING):
            answer = client.post(path, data={"csrf": KEYS.csrf}, headers=headers)
            assert answer.status_code == 403, (origin, path)
        assert client.get("/", headers=headers).status_code == (403 if origin else 200)


def test_what_the_browser_says_of_other_pages_is_heard(client: TestClient) -> None:
    for site in ("cross-site", "same-site"):
        assert client.get("/", headers={"Sec-Fetch-Site": site}).status_code == 403
    assert client.get("/", headers={"Sec-Fetch-Site": "none"}).status_code == 200


def test_forms_without_our_secret_change_nothing(client: TestClient) -> None:
    for path in CHANGING:
        for fields in ({"x": "y"}, {"csrf": ""}, {"csrf": KEYS.session}):
            answer = client.post(path, data=fields, headers={"Origin": HERE})
            assert answer.status_code == 403, path


def test_scripts_without_our_secret_learn_nothing(client: TestClient) -> None:
    wrong: tuple[dict[str, str], ...] = ({}, {"X-CSRF": ""}, {"X-CSRF": KEYS.session})
    for path in ASKING:
        for headers in wrong:
            answer = client.post(path, json={"text": "x"}, headers={"Origin": HERE, **headers})
            assert answer.status_code == 403, path
        as_form = {"Origin": HERE, "X-CSRF": KEYS.csrf}
        assert client.post(path, data={"text": "x"}, headers=as_form).status_code == 400


def test_a_body_is_refused_by_its_size_said_or_not(client: TestClient) -> None:
    headers = {"Origin": HERE, "X-CSRF": KEYS.csrf, "Content-Type": "application/json"}
    body = b'{"text": "' + b"a" * MOST_BYTES + b'"}'
    assert client.post("/read/tokens", content=body, headers=headers).status_code == 413
    parts = (body[i : i + 100_000] for i in range(0, len(body), 100_000))  # length not said
    assert client.post("/read/tokens", content=parts, headers=headers).status_code == 413


def test_a_million_characters_fit_into_a_form(client: TestClient) -> None:
    for letter in ("ы", "😀"):
        answer = posted(client, "/print/text", text=letter * 1_000_000)
        assert answer.status_code == 200 and answer.text.count(letter) == 1_000_000
    answer = posted(client, "/print", text="ы" * 1_000_001)
    assert answer.status_code == 400 and "at most 1000000 characters" in answer.text


def test_what_is_no_request_is_told(client: TestClient) -> None:
    headers = {"Origin": HERE, "X-CSRF": KEYS.csrf, "Content-Type": "application/json"}
    deep = b"[" * 100_000
    for body in (b"[", b"[1]", b"\xff", deep, b'{"text": 1}', b'{"text": "", "model": []}'):
        answer = client.post("/read/tokens", content=body, headers=headers)
        assert answer.status_code == 400 and answer.json()["error"], body


OUTSIDE = (
    "..",
    "../secret",
    "runs/../../secret",
    "/etc",
    "link",
    ".litho",
    "a/.hidden",
    "",
    "x\0y",
    "x" * 300,
    "ы" * 128,
    f"{'x' * 300}/y",
    "x/" * 3000,
)


SHOWING = ("/school/genome", "/school/family", "/trails/map")


def test_paths_end_at_the_folder(client: TestClient, folder: Path) -> None:
    for place in (folder.parent / "secret", folder / ".litho", folder / "a" / ".hidden"):
        place.mkdir(parents=True, exist_ok=True)
        (place / "manifest.yaml").write_text("command: map\ntext_name: SECRET\n")
        (place / "metrics.json").write_text("{}")
    (folder / "link").symlink_to(folder.parent / "secret")
    for path in OUTSIDE:
        (folder / "a" / "g.yaml").write_text("genome: litho.genome/1")
        for page in (*("/run", "/run/report", "/run/adapter.zip", "/matrix"), *SHOWING):
            answer = client.get(page, params={"path": path})
            assert answer.status_code == 400 and "SECRET" not in answer.text, (page, path)
        for page in ("/run/delete", "/run/resume", "/school/start", "/school/exam"):
            assert posted(client, page, path=path).status_code == 400, path
        asked = sent(client, "/ask/answers", run=path, question="?", voices=["base"])
        assert asked.status_code == 400, path
        read = sent(client, "/read/tokens", text="A b c.", adapter=path or "..")
        assert read.status_code == 400, path
        for page in ("/school/check", "/school/cost"):
            assert sent(client, page, path=path, order=[]).status_code == 400, path
        assert sent(client, "/trails/cost", library=path or "..").status_code == 400, path
        assert posted(client, "/school/save", path=path, order="[]", name="x").status_code == 400
        both = client.get("/compare", params={"run": path, "other": path})
        assert "SECRET" not in both.text
    assert (folder.parent / "secret" / "metrics.json").is_file()
    assert "SECRET" not in client.get("/runs").text


def test_names_that_are_no_text_are_passed_over(client: TestClient, folder: Path) -> None:
    bad = os.fsdecode(b"undecodable-\xff")
    for name in ("good", bad):
        written_run(folder / "runs" / name)
        (folder / f"{name}.yaml").write_text("genome: litho.genome/1\nforms: []\n")
        (folder / name).mkdir()
        (folder / name / "config.json").write_text("{}")
        (folder / name / "x.safetensors").write_bytes(b"")
    bearer = {"Authorization": f"Bearer {KEYS.token}"}
    for page in ("/", "/runs", "/print", "/school", "/trails"):
        assert client.get(page).status_code == 200, page
    assert "good" in client.get("/runs").text and "undecod" not in client.get("/runs").text
    assert "good.yaml" in client.get("/school").text and "undecod" not in client.get("/school").text
    assert "./good" in client.get("/v1/models", headers=bearer).text
    headers = {"Origin": HERE, "X-CSRF": KEYS.csrf, "Content-Type": "application/json"}
    asked = json.dumps({"run": bad, "question": "?", "voices": ["base"]})
    assert client.post("/ask/answers", content=asked, headers=headers).status_code == 400


def test_an_adapter_that_is_a_link_is_neither_read_nor_packed(
    client: TestClient, folder: Path
) -> None:
    run = written_run(folder / "runs" / "x", "imprint")
    (folder.parent / "outside").mkdir()
    (folder.parent / "outside" / "adapter_config.json").write_text("{}")
    (run / "adapter").symlink_to(folder.parent / "outside")
    assert client.get("/run/adapter.zip?path=runs/x").status_code == 400
    assert sent(client, "/read/tokens", text="A b c.", adapter="runs/x").status_code == 400


class Exploding:
    """What runs code as soon as a pickle of it is read."""

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (Path("exploded"),)


def test_an_adapter_that_is_code_is_refused(client: TestClient, folder: Path) -> None:
    adapter = written_run(folder / "runs" / "x", "imprint") / "adapter"
    adapter.mkdir()
    settings = {"peft_type": "LORA", "r": 8, "auto_mapping": {"base_model_class": "os.system"}}
    (adapter / "adapter_config.json").write_text(json.dumps(settings))
    weights = adapter / "adapter_model.bin"
    weights.write_bytes(pickle.dumps(Exploding()))
    asked = {"text": "A b c.", "adapter": "runs/x", "model": "tiny:llama"}
    answer = sent(client, "/read/tokens", **asked)
    assert answer.status_code == 400 and "safetensors" in answer.json()["error"]
    weights.rename(adapter / "adapter_model.safetensors")
    answer = sent(client, "/read/tokens", **asked)
    assert answer.status_code == 400 and "damaged" in answer.json()["error"]
    assert not Path("exploded").exists()


def test_a_genome_opens_no_files_and_models_from_elsewhere(
    client: TestClient, folder: Path
) -> None:
    (folder.parent / "secret.txt").write_text("SECRET " * 100)
    good = of_world(WORLD, 8000) | {"tokenizer": {"kind": "bytes"}}
    outside = {"secret": {"source": "file:../secret.txt"}}
    hidden = {"secret": {"source": f"file:{folder.parent}/secret.txt"}}
    of_model = {"kind": "model", "model": "ORG/NAME"}
    for wrong in (
        {"library": good["library"] | outside},
        {"library": good["library"] | hidden},
        {"tokenizer": of_model},
        {"start": "/etc", "tokenizer": of_model | {"model": "/etc"}},
        {"start": "ORG/NAME"},
        {"start": ["x"]},
    ):
        (folder / "bad.yaml").write_text(written({**good, **wrong}))
        answer = client.get("/school/genome?path=bad.yaml")
        assert answer.status_code == 400 and "SECRET" not in answer.text, wrong
        assert sent(client, "/school/cost", path="bad.yaml").status_code == 400
        checked = sent(client, "/school/check", path="bad.yaml", order=[])
        assert checked.status_code == 400 and "SECRET" not in checked.text
        assert posted(client, "/school/start", path="bad.yaml").status_code == 400
        assert posted(client, "/school/exam", path="bad.yaml").status_code == 400


def test_a_small_genome_that_means_a_great_deal(client: TestClient, folder: Path) -> None:
    """Lists of lists of lists under keys that hold texts: they are refused, and not written out."""
    bomb = "\n".join(
        [
            "bombs:",
            " - &a0 [x, x, x, x, x, x, x, x, x, x]",
            *(f" - &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)),
        ]
    )
    for field in ("id", "stages", "library"):
        text = f"{bomb}\ngenome: litho.genome/1\nforms: *a11\n{field}: *a11\n"
        (folder / "bad.yaml").write_text(text)
        for path in ("/school/genome?path=bad.yaml", "/trails?library=bad.yaml"):
            answer = client.get(path)
            assert answer.status_code == 400 and len(answer.text) < 100_000, field
    assert client.get("/school").status_code == 200


def test_a_genome_is_saved_beside_the_old_one_alone(client: TestClient, folder: Path) -> None:
    values = of_world(WORLD, 8000)
    (folder / "school.yaml").write_text(written(values))
    order = json.dumps([{"id": each["id"], "books": each["books"]} for each in values["stages"]])
    before = sorted(folder.parent.rglob("*.yaml"))
    for name in ("../x", "a/b", "/etc/x", ".x", "", " ", "x\0", "school", "school.yaml", "a" * 400):
        answer = posted(client, "/school/save", path="school.yaml", order=order, name=name)
        assert answer.status_code == 400, name
        assert posted(client, "/school/new", name=name, seed="1").status_code == 400, name
    for wrong in ("", "[", "{}", "[1]", '[{"id": 1}]', "[" * 100_000):
        assert (
            posted(client, "/school/save", path="school.yaml", order=wrong, name="y").status_code
            == 400
        )
    assert sorted(folder.parent.rglob("*.yaml")) == before


def test_models_are_those_that_are_offered(client: TestClient, folder: Path) -> None:
    written_run(folder / "runs" / "x", model={"name": "/etc"})
    for model in ("/etc", "../model", "ORG/NAME", "~/x", "https://evil.example"):
        answer = sent(client, "/read/tokens", text="A b c.", model=model)
        assert answer.status_code == 400 and "none of those" in answer.json()["error"]
        assert posted(client, "/print", text="A b c.", model=model).status_code == 400


def test_only_scripts_and_styles_are_served_as_they_are(client: TestClient) -> None:
    for path in ("../words.yaml", "..%2fwords.yaml", "%2e%2e/app.py", "app.py", "base.html.j2"):
        assert client.get(f"/static/{path}").status_code == 404


def test_hostile_names_and_texts_are_words(client: TestClient, bench: Bench, folder: Path) -> None:
    written_run(
        folder / "runs" / "<b onclick=alert(1)>", text_name=HOSTILE, model={"name": HOSTILE}
    )
    (folder / "runs" / "<b onclick=alert(1)>" / "inputs.json").write_text(
        '{"text": "</div><script>alert(1)</script>"}'
    )
    job = bench.queue.add("map", HOSTILE, "runs/y", {})
    bench.queue.begin(job.id)
    bench.queue.end(job.id, "failed", HOSTILE)
    pages = [
        client.get("/runs", params={"q": HOSTILE}),
        client.get("/runs"),
        client.get("/run", params={"path": "runs/<b onclick=alert(1)>"}),
        client.get(f"/jobs/{job.id}"),
        client.get("/", params={"adapter": HOSTILE}),
        client.get("/run", params={"path": HOSTILE}),
        posted(client, "/print/text", text=HOSTILE, name=HOSTILE, model=HOSTILE, probes=HOSTILE),
        posted(client, "/print", text=HOSTILE, budget=HOSTILE),
        client.get("/trails", params={"library": HOSTILE}),
        posted(client, "/trails", library=HOSTILE, model=HOSTILE, channels=HOSTILE),
        posted(client, "/school/new", name=HOSTILE, seed=HOSTILE),
        client.get("/effects", params={"q": HOSTILE}),
        client.get("/school/genome", params={"path": HOSTILE}),
        client.get("/matrix", params={"path": HOSTILE}),
    ]
    for page in pages:
        assert "<script>alert" not in page.text and "<b onclick" not in page.text
        assert '<a href="https://evil' not in page.text
    assert "alert(1)" in pages[2].text  # it is there, as words


def test_a_small_manifest_that_means_a_great_deal(client: TestClient, folder: Path) -> None:
    """YAML can name a list that holds lists that hold lists, ten times each."""
    levels = ["a0: &a0 [x]"] + [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)
    ]
    maps = ["b0: &b0 {x: y}"] + [
        f"b{n}: &b{n} {{{', '.join(f'k{i}: *b{n - 1}' for i in range(10))}}}" for n in range(1, 12)
    ]
    ends = ["command: *a11", "text_name: *a11", "model: {name: *a11}", "config: *b11"]
    for name in ("one", "two"):
        run = written_run(folder / "runs" / name)
        (run / "manifest.yaml").write_text("\n".join([*levels, *maps, *ends, f"own: {name}"]))
    for path in ("/runs", "/run?path=runs/one", "/compare?run=runs/one&other=runs/two", "/"):
        answer = client.get(path)
        assert answer.status_code == 200 and len(answer.text) < 1_000_000, path


def test_pages_run_only_scripts_that_carry_their_nonce(client: TestClient) -> None:
    nonces = set()
    for path in (*PAGES, "/nothing"):
        answer = client.get(path)
        said = answer.headers["content-security-policy"]
        (nonce,) = set(re.findall(r"'nonce-([\w-]+)'", said))
        nonces.add(nonce)
        assert "unsafe" not in said and said.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in said and answer.headers["x-frame-options"] == "DENY"
        tags = re.findall(r"<(?:script|link rel=.stylesheet)[^>]*>", answer.text)
        assert tags and all(f'nonce="{nonce}"' in tag for tag in tags)
        assert not re.search(r"<[^>]+\s(?:on\w+|style)=", answer.text)
        assert not re.search(r"(?:src|href|action)=.(?:https?:)?//", answer.text)
    assert len(nonces) == len(PAGES) + 1
    assert "nonce-x'" in policy("x")


def test_what_nobody_expected_is_told_on_a_page_like_any_other(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Folder) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Folder, "runs", broken)
    plain = TestClient(client.app, HERE, raise_server_exceptions=False, cookies=client.cookies)
    answer = plain.get("/runs")
    assert answer.status_code == 500 and "ZeroDivisionError" in answer.text
    expected = client.get("/nothing").headers
    for name in HEADERS:
        assert answer.headers[name] == expected[name]
    (nonce,) = set(re.findall(r"nonce-([\w-]+)'", answer.headers["content-security-policy"]))
    assert f'nonce="{nonce}"' in answer.text


def test_a_number_beyond_all_jobs_is_of_none(client: TestClient, bench: Bench) -> None:
    for number in ("9" * 20, "-" + "9" * 20):
        assert client.get(f"/jobs/{number}").status_code == 404
        assert client.get(f"/jobs/{number}/events").status_code == 404
    job = bench.queue.add("map", "x", "runs/x", {})
    bench.queue.pause(job.id)
    for headers in ({}, {"Last-Event-ID": "9" * 5000}):
        answer = client.get(f"/jobs/{job.id}/events?after={'9' * 20}", headers=headers)
        assert answer.status_code == 200


def test_a_report_is_shut_off_from_the_pages(
    client: TestClient, folder: Path, finished: Path
) -> None:
    """A run may be anyone's: its report runs our scripts alone, under no origin."""
    run = Path(shutil.copytree(finished, folder / "runs" / "x"))
    own = client.get("/run/report?path=runs/x")
    assert own.text == (run / "report.html").read_text()
    (run / "report.html").write_text("<script>fetch('/runs')</script>")
    answer = client.get("/run/report?path=runs/x")
    assert "fetch('/runs')" not in answer.text  # of another version, or anyone's: written anew
    assert answer.text == own.text
    said = answer.headers["content-security-policy"]
    assert said.startswith("sandbox allow-scripts; default-src 'none'")
    (scripts,) = re.findall(r"script-src ([^;]*)", said)
    assert re.fullmatch(r"'sha256-\S+' 'sha256-\S+'", scripts)


def test_a_report_is_in_the_language_of_the_pages(
    client: TestClient, folder: Path, finished: Path
) -> None:
    run = Path(shutil.copytree(finished, folder / "runs" / "x"))
    written = (run / "report.html").read_text()
    client.get("/language?to=ru")
    answer = client.get("/run/report?path=runs/x")
    assert '<html lang="ru">' in answer.text and "Все числа и откуда они" in answer.text
    assert (run / "report.html").read_text() == written  # reading changes nothing
    client.get("/language?to=en")
    assert client.get("/run/report?path=runs/x").text == written


def test_language_leads_only_back_to_a_page_of_ours(client: TestClient) -> None:
    for back in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:x"):
        answer = client.get("/language", params={"to": "ru", "back": back})
        assert answer.headers["location"] == "/"
    assert client.get("/language?to=ru&back=/runs").headers["location"] == "/runs"
    assert "Прогоны" in client.get("/runs").text


def test_the_language_can_be_chosen_wherever_a_form_led(client: TestClient) -> None:
    for path in ("/print", "/print/text", "/trails", "/school/start", "/run/delete"):
        answer = posted(client, path, text="A b.", budget="x")
        (back,) = re.findall(r"/language\?to=ru&amp;back=([^\"]*)", answer.text)
        assert client.get(unquote(unescape(back))).status_code == 200, path


def test_cookies_of_other_ports_do_not_get_in_the_way() -> None:
    headers = Headers({"cookie": "a=b; litho-8470=of-another; bad\x01; litho-8470=ours"})
    assert list(cookies(headers, "litho-8470")) == ["of-another", "ours"]
