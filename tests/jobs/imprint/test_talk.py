"""Answers in the chat format in an imprint, and the talk on which the base is held."""

from pathlib import Path

import pytest

from litho.core.runs import RunDirectory
from litho.jobs.imprint.config import ImprintConfig, ImprintSpec
from litho.jobs.imprint.job import ImprintJob
from litho.jobs.imprint.shown import Shown
from litho.jobs.imprint.talk import conversations_of, everyday_talk, replies_in
from litho.jobs.models import Models
from litho.learn.sources import REPLAY
from litho.model.loaded import LanguageModel
from litho.model.sources import locate
from litho.text.variants import PresentationPlan, Variant
from tests.builders import CHAT_TEMPLATE, TEXT, Silent


@pytest.fixture
def job(inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path) -> ImprintJob:
    run = RunDirectory(tmp_path)
    return ImprintJob(run, inputs, quick, locate("tiny:llama"), Models(), Silent())


def test_both_are_made_once_in_a_run(job: ImprintJob, llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    about, held = conversations_of(job, llama, 0), everyday_talk(job, llama)
    shown = replies_in(llama, about, job.config)
    assert held and len(shown) == job.config.presentations
    assert {len(replies) for replies in shown} == {-(-len(about) // 3)}
    assert (conversations_of(job, llama, 0), everyday_talk(job, llama)) == (about, held)


def test_a_model_without_a_chat_is_shown_none(job: ImprintJob, llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = None
    assert conversations_of(job, llama, 0) == [] == everyday_talk(job, llama)


def test_a_template_that_fails_ends_no_run(job: ImprintJob, llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = "{{ raise_exception('system first') }}"
    assert conversations_of(job, llama, 0) == [] == everyday_talk(job, llama)


def test_a_step_of_replay_alone_shows_no_answers(job: ImprintJob, llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    about = conversations_of(job, llama, 0)
    version = Variant(rows=(TEXT,), operator="none")
    plan = PresentationPlan(scenes=(TEXT,), variants=(version,), refused=())
    shown = Shown(llama, job.config, [[TEXT]], [plan], [about])
    parts = [part for (part,) in shown.steps("interleaved", 6)]
    assert [part.kind for part in parts] == ["none", "none", REPLAY] * 2
    assert [part.tokens for part in parts if part.kind == REPLAY] == [0, 0]
    answers = [part.replies for part in parts if part.kind != REPLAY]
    assert answers == replies_in(llama, about, job.config)[:4]  # none is left out
