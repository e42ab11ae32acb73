"""Printing a text into a model."""
