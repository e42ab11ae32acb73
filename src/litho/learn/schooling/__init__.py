"""Training all weights of a model, stage by stage, on documents in their order."""
