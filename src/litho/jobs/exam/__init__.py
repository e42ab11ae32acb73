"""`litho exam`: what a model remembers, understands and connects of a genome."""
