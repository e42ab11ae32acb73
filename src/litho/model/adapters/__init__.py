"""LoRA adapters (PEFT) on a model: one base, several adapters, each with a name."""
