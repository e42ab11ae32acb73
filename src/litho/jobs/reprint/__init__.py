"""Rewriting for printed pages: what a model still gets wrong becomes its next presentations."""
