"""What a text does to a model, in numbers."""
