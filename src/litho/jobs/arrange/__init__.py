"""`litho evolve` of documents: in which order, and how often each, a fine-tune should read them."""
