"""Genomes that differ from others: mutations, crossover, and what makes a child valid again."""
