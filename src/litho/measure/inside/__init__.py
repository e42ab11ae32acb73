"""What happens inside a model, and how two states differ."""
