"""The capabilities, one package each, independent of each other."""

DEFAULT_MODEL = "bundled:smollm2-135m"
