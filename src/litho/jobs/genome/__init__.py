"""The genome of a school: checked, compiled, and asked where something came from."""
