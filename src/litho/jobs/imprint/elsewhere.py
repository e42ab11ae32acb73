"""Drift beside that on the retention text: near the page, in chat, and by kind of writing."""

from pydantic import BaseModel

from litho.jobs.imprint.job import ImprintJob, if_it_can
from litho.jobs.imprint.own import own_rows
from litho.jobs.imprint.result import Drift
from litho.learn.prose import unseen_kinds
from litho.measure.printing.drift import retention_drift
from litho.measure.printing.elsewhere import chat_answers, drift_on, near_text
from litho.measure.printing.records import Written
from litho.model.loaded import LanguageModel
from litho.text.shipped import everyday_questions

KIND_TOKENS = 32  # of each passage of a kind of writing
MISSED = "some drift is not measured"


class Elsewhere(BaseModel):
    """What the untouched base wrote to be measured on."""

    near: list[Written]
    chat: list[Written]


def written_elsewhere(job: ImprintJob, model: LanguageModel) -> Elsewhere:
    """Let the base write near the page and answer in chat, once in a run; `model` is the base."""

    def write() -> dict[str, object]:
        job.reporter.stage("letting the base write near the text, and in chat")
        near = if_it_can(job, MISSED, lambda: near_text(model, _printed(job), job.config.seed))
        chat = if_it_can(job, MISSED, lambda: chat_answers(model, everyday_questions()))
        return Elsewhere(near=near, chat=chat).model_dump()

    return Elsewhere(**job.run.once("elsewhere.json", write))


def _printed(job: ImprintJob) -> str:
    """The pages that this run prints."""
    return "\n\n".join(job.inputs.pages[i].text for i in job.inputs.printed)


def drift_elsewhere(
    job: ImprintJob, model: LanguageModel, written: Elsewhere, adapter: str, drift: Drift
) -> Drift:
    """`drift`, with what the adapter does near the page, in chat and by kind of writing."""
    own = own_rows(model, job.inputs.hold, job.config.replay_length)[1]
    return drift.model_copy(
        update={
            "near": drift_on(model, written.near, adapter) if written.near else None,
            "chat": drift_on(model, written.chat, adapter) if written.chat else None,
            "own": retention_drift(model, own, [adapter])[adapter].mean if own else None,
            "by_kind": {
                kind: retention_drift(
                    model, [model.encode(text)[:KIND_TOKENS] for text in passages], [adapter]
                )[adapter].mean
                for kind, passages in unseen_kinds().items()
            },
        }
    )
