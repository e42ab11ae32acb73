"""Results as words and pictures; needs no model."""
