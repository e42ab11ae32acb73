"""LangChain: a chat model over the adapter of a run, and a retriever over its pages.

Needs the extra `litho[langchain]`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
)
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.retrievers import BaseRetriever
from pydantic import PrivateAttr

from litho.core.errors import LithoError
from litho.integrations.pages import Pages
from litho.integrations.printed import PrintedModel
from litho.model.read.chat import Message
from litho.text.streams import until

# Pieces of a stream are of these classes, too.
_ROLES = {SystemMessage: "system", HumanMessage: "user", AIMessage: "assistant"}


class ChatLitho(BaseChatModel):
    """The model of a finished imprint, which is loaded when the object is made."""

    run: Path
    printed: bool = True  # False: the base alone
    tokens: int = 80  # of an answer, at most
    device: str = "auto"
    _model: PrintedModel = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401  pydantic's
        super().model_post_init(context)
        self._model = PrintedModel(self.run, self.device)

    @property
    def _llm_type(self) -> str:
        return "litho"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"run": str(self.run), "printed": self.printed, "tokens": self.tokens}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401  as LangChain has it
    ) -> ChatResult:
        said = self._model.reply(_messages(messages), self.tokens, self.printed)
        for end in stop or ():
            said = said.partition(end)[0]
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=said))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401  as LangChain has it
    ) -> Iterator[ChatGenerationChunk]:
        pieces = self._model.pieces(_messages(messages), self.tokens, self.printed)
        for piece, _ in until(pieces, stop or ()):
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))


class LithoRetriever(BaseRetriever):
    """The paragraphs of the printed pages that are nearest to a question, by BM25."""

    run: Path
    count: int = 2
    _pages: Pages = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401  pydantic's
        super().model_post_init(context)
        self._pages = Pages(self.run)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        found = self._pages.nearest(query, self.count)
        return [Document(page_content=each.text, metadata={"page": each.page}) for each in found]


def _messages(messages: Sequence[BaseMessage]) -> list[Message]:
    """Raises LithoError on messages of tools, which such a model knows nothing of."""
    return [{"role": _role(each), "content": str(each.text)} for each in messages]


def _role(message: BaseMessage) -> str:
    for kind, role in _ROLES.items():
        if isinstance(message, kind):
            return role
    raise LithoError(f"the model of a run takes no messages of type {message.type}")
