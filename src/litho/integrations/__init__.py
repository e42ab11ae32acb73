"""Litho inside other frameworks, each module behind an extra: LangChain, LlamaIndex."""
