"""The arithmetic of training; knows nothing of what is presented."""
