"""Questions to a model before and after printing, with and without the text."""
