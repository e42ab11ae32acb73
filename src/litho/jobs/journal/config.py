"""What a journal starts from; no torch."""

from litho.jobs.spec import Spec
from litho.text.school.rewriting.settings import Journal


class JournalSpec(Spec):
    """A finished school."""

    school: str  # folder of the run
    config: Journal = Journal()
