"""`litho imprint`: print a text into a model and prove what happened."""
