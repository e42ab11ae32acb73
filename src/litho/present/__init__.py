"""What is shown to a model, and in which order; trains nothing."""
