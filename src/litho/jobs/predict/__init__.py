"""`litho predict` and `litho calibrate`: what training would do, said before it is done."""
