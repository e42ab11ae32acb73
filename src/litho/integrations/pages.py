"""The pages of a run, paragraph by paragraph, as retrievers hand them on."""

from pathlib import Path

from litho.core.errors import LithoError
from litho.core.records import Record
from litho.core.runs import INPUTS, MANIFEST, RunDirectory
from litho.jobs.ask.retrieval import nearest
from litho.jobs.base import CARRYING
from litho.text.pages import pages_in
from litho.text.sentences import paragraphs


class Paragraph(Record):
    """A paragraph and the page that it is from."""

    text: str
    page: str


class Pages:
    """What was printed in a run; no model is loaded."""

    def __init__(self, run: Path | str) -> None:
        """Raises LithoError if `run` is no finished run that carries pages."""
        directory = RunDirectory.opened(Path(run))
        with directory.damage_told():
            command = directory.read_yaml(MANIFEST)["command"]
            if command not in CARRYING:
                raise LithoError(f"{run} is a run of 'litho {command}': it carries no pages")
            pages = pages_in(directory.read_json(INPUTS))
        self.paragraphs = [
            Paragraph(text=text, page=page.name) for page in pages for text in paragraphs(page.text)
        ]

    def nearest(self, question: str, count: int) -> list[Paragraph]:
        """The paragraphs nearest to a question by BM25, as `litho ask` retrieves them."""
        by_text = {paragraph.text: paragraph for paragraph in reversed(self.paragraphs)}
        texts = [paragraph.text for paragraph in self.paragraphs]
        return [by_text[text] for text in nearest(texts, question, count)]
