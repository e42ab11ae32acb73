"""Roles of a school: an adapter for each, what it is good at, and what hand-overs gain."""
