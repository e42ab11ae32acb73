"""The only layer that knows transformers and peft."""
