"""Texts made from what a model answers: what is asked, what is written, what must not get in."""
