"""What a rewriting starts from; no torch."""

from typing import Self

from litho.jobs.spec import Spec
from litho.text.school.rewriting.settings import Journal, Rewrite


class RewriteSpec(Spec):
    """A finished school."""

    school: str  # folder of the run
    journal: Journal = Journal()
    config: Rewrite = Rewrite()

    def pinned(self) -> Self:
        return self
