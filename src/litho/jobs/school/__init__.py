"""A school: a genome compiled, and a model trained through all of its stages."""
