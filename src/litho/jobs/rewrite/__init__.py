"""Rewriting: a data set that grows from a model's own answers, round after round."""
