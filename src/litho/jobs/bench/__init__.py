"""`litho bench`: ways of presenting a text compared."""
