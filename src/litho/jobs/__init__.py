"""The capabilities, one package each, independent of each other."""
