"""Whether a model is carried along a trail, and what that costs it."""
