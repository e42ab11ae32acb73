"""`litho map`: what a text does in one state of a model."""
