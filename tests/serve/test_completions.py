"""Other programs talk to models and printed pages, if they bring the token."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from litho.jobs.ask.ask import ask
from litho.jobs.ask.result import Voice
from tests.serve.bench import HERE, KEYS, DeskHere

CHAT = "/v1/chat/completions"
BEARER = {"Authorization": f"Bearer {KEYS.token}"}
ASKED: dict[str, Any] = {
    "model": "tiny:llama",
    "messages": [{"role": "user", "content": "Who built it?"}],
    "max_tokens": 6,
}


def completed(client: TestClient, **changes: object) -> Any:  # noqa: ANN401  a response
    return client.post(CHAT, json=ASKED | changes, headers=BEARER)


def test_only_the_token_opens_it(stranger: TestClient) -> None:
    wrong: tuple[dict[str, str], ...] = (
        {}, {"Authorization": ""}, {"Authorization": KEYS.token}, {"Authorization": "Bearer x"},
        {"Authorization": f"Bearer {KEYS.csrf}"}, {"Authorization": f"Bearer {KEYS.session}"},
        {"Authorization": f"Basic {KEYS.token}"}, {"Authorization": "Bearer"},
    )  # fmt: skip
    for headers in wrong:
        for answer in (
            stranger.get("/v1/models", headers=headers),
            stranger.post(CHAT, json=ASKED, headers=headers),
        ):
            assert answer.status_code == 401 and "error" in answer.json(), headers
    assert stranger.get("/v1/models", headers=BEARER).status_code == 200
    for path in ("/", "/runs"):  # nothing but this interface
        assert stranger.get(path, headers=BEARER).status_code == 401


def test_the_cookie_does_not_open_it_and_other_pages_and_names_are_refused(
    client: TestClient,
) -> None:
    assert client.post(CHAT, json=ASKED, headers={"Origin": HERE}).status_code == 401
    for origin in ("http://evil.example", "null"):
        answer = client.post(CHAT, json=ASKED, headers={**BEARER, "Origin": origin})
        assert answer.status_code == 403
        preflight = client.options(CHAT, headers={"Origin": origin})
        assert preflight.status_code == 403
        assert "access-control-allow-origin" not in preflight.headers
    cross = {**BEARER, "Sec-Fetch-Site": "cross-site"}
    assert client.post(CHAT, json=ASKED, headers=cross).status_code == 403
    named = {**BEARER, "Host": "evil.example:8470"}
    assert client.get("/v1/models", headers=named).status_code == 421


def test_models_are_printed_pages_and_models(
    stranger: TestClient, folder: Path, finished: Path
) -> None:
    shutil.copytree(finished, folder / "runs" / "done")
    told = stranger.get("/v1/models", headers=BEARER).json()
    names = [each["id"] for each in told["data"]]
    assert names[0] == "runs/done" and "tiny:llama" in names and told["object"] == "list"


def test_the_answer_is_that_of_ask_streamed_or_not(
    stranger: TestClient, folder: Path, finished: Path
) -> None:
    run = folder / "runs" / "done"
    shutil.copytree(finished, run)
    expected = ask(run, "Who built it?", voices=("base", "adapter"), tokens=6).answers
    models: tuple[tuple[str, Voice], ...] = (("tiny:llama", "base"), ("runs/done", "adapter"))
    for model, voice in models:
        whole = completed(stranger, model=model).json()
        (choice,) = whole["choices"]
        assert choice["message"] == {"role": "assistant", "content": expected[voice]}
        usage = whole["usage"]
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
        streamed = completed(
            stranger, model=model, stream=True, stream_options={"include_usage": True}
        )
        assert streamed.headers["content-type"].startswith("text/event-stream")
        lines = [line.removeprefix("data: ") for line in streamed.text.split("\n\n") if line]
        assert lines.pop() == "[DONE]"
        events = [json.loads(line) for line in lines]
        assert events[-1]["usage"] == usage and events[-1]["choices"] == []
        deltas = [event["choices"][0]["delta"] for event in events[:-1]]
        said = "".join(delta.get("content", "") for delta in deltas)
        assert said.strip() == expected[voice]
        assert events[-2]["choices"][0]["finish_reason"] == choice["finish_reason"]
    first = expected["base"][1]
    stopped = completed(stranger, stop=[first]).json()["choices"][0]
    assert stopped["message"]["content"] == expected["base"].partition(first)[0]
    assert stopped["finish_reason"] == "stop"


WRONG: tuple[dict[str, object], ...] = (
    {"model": "gpt-4"}, {"model": None}, {"model": "../x"}, {"messages": []}, {"messages": "x"},
    {"messages": [{"role": "user"}]}, {"messages": [{"role": "tool", "content": "x"}]},
    {"messages": [{"role": "system", "content": "x"}]}, {"max_tokens": 0}, {"max_tokens": "x"},
    {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, {"n": 2},
    {"tools": [{"type": "function"}]}, {"stop": [1]}, {"stop": ["a"] * 9},
    {"max_tokens": 4096, "messages": [{"role": "user", "content": "x" * 5000}]},
)  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_told_as_the_interface_does(
    stranger: TestClient, wrong: dict[str, object]
) -> None:
    answer = completed(stranger, **wrong)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_what_a_system_says_and_parts_of_text_are_read(
    stranger: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    listen = DeskHere.listen

    def heard(self: DeskHere, **question: Any) -> Any:  # noqa: ANN401
        asked.append(question)
        return listen(self, **question)

    monkeypatch.setattr(DeskHere, "listen", heard)
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Who "}, {"text": "built it?"}]},
    ]
    assert completed(stranger, messages=messages).status_code == 200
    assert asked[0]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Who built it?"},
    ]
    for body in (b"[", b"[]", b"\xff"):
        headers = {**BEARER, "Content-Type": "application/json"}
        assert stranger.post(CHAT, content=body, headers=headers).status_code == 400
