"""The exam of a school: what a model remembers, understands and connects."""
