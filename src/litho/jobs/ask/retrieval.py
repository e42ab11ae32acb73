"""The paragraphs of a text that are nearest to a question, by BM25."""

from collections.abc import Sequence

import bm25s

from litho.text.sentences import words


def nearest(parts: Sequence[str], question: str, count: int) -> list[str]:
    """The `count` parts nearest to a question, the nearest first.

    Okapi BM25 (Robertson & Zaragoza 2009, "The Probabilistic Relevance Framework"), as in bm25s.
    """
    corpus, asked = [words(part) for part in parts], words(question)
    if not asked or not any(corpus):
        return list(parts[:count])
    index = bm25s.BM25()
    index.index(corpus, show_progress=False)
    scores = index.get_scores(asked)
    order = sorted(range(len(parts)), key=lambda i: (-scores[i], i))
    return [parts[i] for i in order[:count]]
