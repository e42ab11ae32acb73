"""The report of `litho exam`."""

from typing import Any

from litho.core.runs import RunDirectory
from litho.jobs.exam.result import BRIDGED, FLUENT, REMEMBERS, UNDERSTANDS, ExamRun
from litho.show.figures.exam import kinds_figure, pairs_figure
from litho.show.figures.instruments import flow_figure, retention_figure
from litho.show.page import render
from litho.show.say import to_say
from litho.show.wording import cell

# In the order in which they build on one another.
KINDS = to_say(
    {
        "fluency": "the right type of thing",
        "memorised": "as the books say it",
        "paraphrase": "in new words",
        "rule": "by a rule",
        "two_hop_book": "two facts of one book",
        "two_hop_L1": "L1: a new question",
        "two_hop_L2": "L2: a new pair of books",
        "two_hop_L3": "L3: facts never connected",
        "contradiction": "two surveys differ",
        "transfer": "carried to another science",
        "unknown": "what no book says",
        "cloze_name": "names in real books",
        "cloze_number": "numbers in real books",
        "cloze_word": "rare words in real books",
        "order": "which section comes next",
    }
)
MEANINGS = to_say(
    {
        "fluency": "Which of twelve names is of the type that the sentence needs. Needs no fact.",
        "memorised": "A fact, asked in a wording of the books.",
        "paraphrase": "The same fact in a wording that no book uses: it is held apart from its "
        "words.",
        "rule": "What follows from a rule for a kind, an order or a unit, and is not told itself.",
        "two_hop_book": "Two facts of one book, one leading to the other.",
        "two_hop_L1": "Two facts of two books; questions like it were practised, this one never.",
        "two_hop_L2": "The same, between two sections over which nothing was ever practised.",
        "two_hop_L3": "The same, over facts that stood in no practice and no scene: read, and that "
        "is all.",
        "contradiction": "Two surveys say different things; a rule says which to trust.",
        "transfer": "What answers to a thing in another science, where no book tells it.",
        "unknown": "Half of these no book answers: a model that always knows something gets half.",
        "cloze_name": "A name left out of a page, among other names of the same book.",
        "cloze_number": "A number left out of a page, among others as long.",
        "cloze_word": "A rare word left out of a page, among others as rare.",
        "order": "Which of two sections begins where another one ends, beyond how likely each is "
        "in itself.",
    }
)
VERDICTS = to_say(
    {
        "connects": "It answers over facts that were never connected in practice, beyond chance "
        "and every shortcut.",
        "understands": "It knows facts in words that no book uses, and applies rules; that it "
        "connects facts by itself is not shown.",
        "remembers": "It knows what the books say in their own words.",
        "fluent": "It speaks like the books, and does not know what they say.",
        "nothing": "It does not speak like the books.",
        "not judged": "Nobody knows what a model could have known of real books before, or which "
        "answers follow from two of them.",
    }
)
SHORTCUTS = to_say(
    {
        "answer_prior": "the answer that practice over the second relation most often had",
        "type_prior": "the candidate that the texts name most often",
        "co_occurrence": "the candidate that shares most pages with what the question is about",
        "first_hop": "the first fact alone: what it leads to, where that is a candidate, else a "
        "guess",
        "second_hop": "the second relation alone, asked of the thing in the question, or where it "
        "most often leads",
    }
)
BESIDE = ("fluency", "unknown")  # kinds that say little of a book
EXAMPLES = 2  # right ones and wrong ones of each kind


def page(run: RunDirectory) -> str:
    """The verdict, every kind of question, what connects to what, and examples."""
    result = ExamRun(**run.read_json("metrics.json"))
    names = KINDS | {kind: kind for kind in result.tests if kind not in KINDS}
    data = {"figure-kinds": kinds_figure(result.tests, result.shortcuts, names)}
    spoken = any(pair.spoken for pair in result.pairs)
    if result.pairs:
        data["figure-silent"] = pairs_figure(result.pairs, spoken=False)
    if spoken:
        data["figure-spoken"] = pairs_figure(result.pairs, spoken=True)
    if weak := result.instruments:
        data |= {"figure-flow": flow_figure(weak.flow)} if weak.flow else {}
        data |= {"figure-retention": retention_figure(weak.retention)} if weak.retention else {}
    kinds = [kind for kind in names if result.tests.get(kind) and result.tests[kind].n]
    return render(
        "exam.html.j2",
        run,
        f"Litho exam: {result.genome}",
        data,
        result=result,
        kinds=kinds,
        names=names,
        meanings=MEANINGS,
        meaning=VERDICTS[result.verdict],
        verdicts=VERDICTS,
        shortcuts=SHORTCUTS,
        bridged=[kind for kind in BRIDGED if kind in kinds],
        chained=[kind for kind in kinds if (spoke := result.tests[kind].spoken) and spoke.chain],
        book_kinds=[
            k for k in kinds if k not in BESIDE and any(k in book.kinds for book in result.books)
        ],
        examples=_examples(run, kinds),
        cell=cell,
        limits={"fluency": FLUENT, "memorised": REMEMBERS, "paraphrase": UNDERSTANDS},
    )


def _examples(run: RunDirectory, kinds: list[str]) -> list[dict[str, Any]]:
    """Of each kind the first questions that were answered rightly, and wrongly."""
    rows = run.read_rows("answers.parquet")
    found = []
    for kind in kinds:
        for right in (True, False):
            own = [row for row in rows if row["kind"] == kind and row["right"] is right]
            found += own[:EXAMPLES]
    return found
