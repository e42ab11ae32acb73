"""`litho expose`: a text presented in several ways, and each response."""
