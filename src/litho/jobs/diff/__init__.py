"""`litho diff`: what training changed on a text."""
