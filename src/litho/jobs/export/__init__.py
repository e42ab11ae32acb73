"""A printed model for other programs: merged weights, GGUF, a model card, the hub."""
