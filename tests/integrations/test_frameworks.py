"""LangChain and LlamaIndex, through their real packages."""

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from litho.core.errors import LithoError
from litho.integrations.memory import compared
from litho.jobs.ask.ask import Asked
from litho.model.read.chat import question, reply
from tests.builders import TEXT


@pytest.fixture
def langchain() -> Any:  # noqa: ANN401  a module
    pytest.importorskip("langchain_core", reason="litho[langchain] is not installed")
    from litho.integrations import langchain

    return langchain


@pytest.fixture
def llamaindex() -> Any:  # noqa: ANN401  a module
    pytest.importorskip("llama_index.core", reason="litho[llamaindex] is not installed")
    from litho.integrations import llamaindex

    return llamaindex


def test_a_chat_model_of_langchain(langchain: Any, finished: Path) -> None:  # noqa: ANN401
    chat = langchain.ChatLitho(run=finished, tokens=6)
    asked = Asked(finished)
    with asked.model.state("imprint"):
        said = reply(asked.model, [question("Who built it?")], 6)
    with asked.model.state(None):
        before = reply(asked.model, [question("Who built it?")], 6)
    assert chat.invoke("Who built it?").content == said
    assert chat.batch(["Who built it?"] * 3)[2].content == said  # in threads
    base = langchain.ChatLitho(run=finished, tokens=6, printed=False)
    assert base.invoke([("human", "Who built it?")]).content == before
    assert chat.invoke([("system", "Be brief."), ("human", "Who?"), ("ai", "I"), ("human", "You?")])
    assert chat.invoke("Who built it?", stop=[said[1]]).content == said.partition(said[1])[0]
    pieces = list(chat.stream("Who built it?"))
    assert "".join(chunk.content for chunk in pieces) == said
    answer = sum(pieces[1:], pieces[0])
    assert chat.invoke([("human", "Who built it?"), answer, ("human", "You?")])
    stopped = chat.stream("Who built it?", stop=[said[1]])
    assert "".join(chunk.content for chunk in stopped) == said.partition(said[1])[0]
    with pytest.raises(LithoError, match="begins and ends with what the user says"):
        next(iter(chat.stream([("ai", "I")])))
    with pytest.raises(LithoError, match="takes no messages of type tool"):
        chat.invoke(_tool_talk())


def test_an_answer_streams_while_it_is_generated(
    langchain: Any,  # noqa: ANN401
    finished: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard = Event()

    def spoken(model: object, talk: object, tokens: int, said: Callable[[str], object]) -> str:
        said(" Marek ")
        assert heard.wait(20)
        said("Dolny ")
        return "Marek Dolny"

    monkeypatch.setattr("litho.integrations.printed.reply", spoken)
    stream = langchain.ChatLitho(run=finished).stream("Who built it?")
    assert next(stream).content == "Marek"
    heard.set()
    assert "".join(chunk.content for chunk in stream) == " Dolny"


def _tool_talk() -> list[Any]:
    from langchain_core.messages import HumanMessage, ToolMessage

    return [HumanMessage("Who?"), ToolMessage("x", tool_call_id="1")]


def test_a_chain_that_retrieves_and_asks(langchain: Any, finished: Path) -> None:  # noqa: ANN401
    retriever = langchain.LithoRetriever(run=finished)
    (document,) = retriever.invoke("Who built the clock?")
    assert document.page_content == TEXT and document.metadata == {"page": "clock.md"}
    from langchain_core.prompts import ChatPromptTemplate

    prompt = ChatPromptTemplate.from_template("{page}\n\n{question}")
    chain = prompt | langchain.ChatLitho(run=finished, tokens=4)
    said = chain.invoke({"page": document.page_content, "question": "Who built it?"}).content
    asked = Asked(finished)
    with asked.model.state("imprint"):
        assert said == reply(asked.model, [question("Who built it?", TEXT)], 4)


def test_a_retriever_of_llamaindex_as_memory(llamaindex: Any, finished: Path) -> None:  # noqa: ANN401
    retriever = llamaindex.LithoRetriever(finished, count=1)
    (found,) = retriever.retrieve("Who built the clock?")
    assert found.get_content() == TEXT and found.node.metadata == {"page": "clock.md"}

    def retrieve(asked: str) -> list[str]:
        return [node.get_content() for node in retriever.retrieve(asked)]

    assert compared(finished, retrieve=retrieve) == compared(finished)


def test_what_is_no_run_is_refused(langchain: Any, llamaindex: Any, tmp_path: Path) -> None:  # noqa: ANN401
    for make in (
        lambda: langchain.ChatLitho(run=tmp_path),
        lambda: langchain.LithoRetriever(run=tmp_path),
        lambda: llamaindex.LithoRetriever(tmp_path),
    ):
        with pytest.raises(LithoError, match="is no finished run"):
            make()
