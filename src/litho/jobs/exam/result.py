"""What an exam found; no torch."""

from litho.core.records import absent
from litho.measure.school.instrument_records import Instruments as Instruments
from litho.measure.school.instrument_records import LayerFlow as LayerFlow
from litho.measure.school.instrument_records import Saved as Saved
from litho.measure.school.records import Answer as Answer  # for those who show results, as below
from litho.measure.school.records import ExamResult
from litho.measure.school.records import KindScore as KindScore
from litho.measure.school.records import PairScore as PairScore
from litho.measure.school.scores import BRIDGED as BRIDGED
from litho.measure.school.verdict import FLUENT as FLUENT
from litho.measure.school.verdict import REMEMBERS as REMEMBERS
from litho.measure.school.verdict import UNDERSTANDS as UNDERSTANDS


class ExamRun(ExamResult):
    """What `metrics.json` and `--json` of `litho exam` hold."""

    run: str
    model: str
    twin: str | None
    turned: str | None = absent()
    genome: str  # its id
    instruments: Instruments | None = absent()
    seconds: float  # of asking
    notices: tuple[str, ...] = ()
