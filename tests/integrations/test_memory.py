"""One page printed, retrieved, both or neither: each as the slow way round says it."""

from pathlib import Path

import pytest

from litho.core.errors import LithoError
from litho.integrations.memory import compared
from litho.integrations.pages import Pages
from litho.integrations.printed import PrintedModel
from litho.jobs.ask.ask import Asked
from litho.measure.printing.answers import REPLY_TOKENS
from litho.measure.printing.probes import target_of
from litho.model.read.chat import question, reply
from litho.text.items import Probe
from tests.builders import TEXT, slow_logprob

CLOZE = Probe(kind="gen", prefix="The man who built it was", target="Marek")
CHAT = Probe(kind="chat", prefix="Who built it?", target="Marek Dolny")


def test_each_memory_reads_what_it_should(finished: Path) -> None:
    table = compared(finished, [CLOZE, CHAT])
    model = Asked(finished).model
    assert [row.retrieved for row in table.rows] == [(TEXT,), (TEXT,)]
    for memory, adapter in (("neither", None), ("retrieved", None), ("printed", "imprint"),
                            ("both", "imprint")):  # fmt: skip
        book = TEXT if memory in ("retrieved", "both") else ""
        with model.state(adapter):
            cloze = slow_logprob(model, target_of(model, CLOZE, book and f"{book}\n\n"))
            chat = slow_logprob(model, target_of(model, CHAT, book))
            said = reply(model, [question(CHAT.prefix, book)], REPLY_TOKENS)
        assert table.rows[1].answers[memory] == said  # type: ignore[index]
        found = [row.logprob[memory] for row in table.rows]  # type: ignore[index]
        assert found == pytest.approx([cloze, chat], abs=1e-4)
        assert table.logprob[memory].value == pytest.approx((cloze + chat) / 2, abs=1e-4)  # type: ignore[index]
    assert str(table).count("\n") == 5 and "| both | " in str(table)


def test_the_probes_of_the_run_and_another_retriever(finished: Path) -> None:
    asked: list[str] = []

    def nothing(question: str) -> list[str]:
        asked.append(question)
        return []

    table = compared(finished, retrieve=nothing)
    assert len(table.rows) == 4 and asked == [row.question for row in table.rows]
    for row in table.rows:  # nothing was found: reading changes nothing
        assert row.logprob["retrieved"] == row.logprob["neither"]
        assert row.logprob["both"] == row.logprob["printed"] != row.logprob["neither"]
        assert row.answers["both"] == row.answers["printed"]
    with pytest.raises(LithoError, match="no question to ask"):
        compared(finished, [])
    with pytest.raises(LithoError, match=r"but the model reads|retrieve less"):
        compared(finished, [CHAT], retrieve=lambda question: [TEXT] * 60)


def test_paragraphs_know_their_page(finished: Path, tmp_path: Path) -> None:
    (found,) = Pages(finished).nearest("Who built the clock?", 2)
    assert (found.text, found.page) == (TEXT, "clock.md")
    with pytest.raises(LithoError, match="is no finished run"):
        Pages(tmp_path)


def test_a_conversation_as_templates_want_it(finished: Path) -> None:
    model = PrintedModel(finished)
    user, system = {"role": "user", "content": "Who?"}, {"role": "system", "content": "Be brief."}
    whole = {"role": "user", "content": "Be brief.\n\nWho?\n\nWho?"}
    assert model.reply([system, user, user], 4) == model.reply([whole], 4)
    for wrong in ([], [system], [{"role": "assistant", "content": "I"}, user], [user, {
            "role": "assistant", "content": "I"}]):  # fmt: skip
        with pytest.raises(LithoError, match="begins and ends with what the user says"):
            model.reply(wrong, 4)
