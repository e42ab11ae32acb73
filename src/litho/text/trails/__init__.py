"""Trails: small chains of reasoning, their wordings and near-misses, and what is drawn."""
