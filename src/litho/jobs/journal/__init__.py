"""The journal of a school: which spans were hard at which border of stages, and what mended it."""
