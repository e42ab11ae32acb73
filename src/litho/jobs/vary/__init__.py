"""`litho vary`: minimally different versions of a text, and the ladder up to it."""
