"""Litho shows what a text does to a language model and prints the text into it."""

__version__ = "0.1.0"
