"""LlamaIndex: a retriever over the pages of a run. Needs the extra `litho[llamaindex]`."""

from pathlib import Path

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from litho.integrations.pages import Pages


class LithoRetriever(BaseRetriever):
    """The paragraphs of the printed pages that are nearest to a question, by BM25."""

    def __init__(self, run: Path | str, count: int = 2) -> None:
        """Raises LithoError if `run` is no finished run that carries pages."""
        super().__init__()
        self._pages, self._count = Pages(run), count

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = self._pages.nearest(query_bundle.query_str, self._count)
        nodes = [TextNode(text=each.text, metadata={"page": each.page}) for each in found]
        return [NodeWithScore(node=node) for node in nodes]
