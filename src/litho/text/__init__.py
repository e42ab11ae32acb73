"""Texts: documents, presentation operators and probes. Knows no torch."""
