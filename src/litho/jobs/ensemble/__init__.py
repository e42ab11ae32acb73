"""`litho ensemble`: many micro fine-tunes, each done once and kept."""
