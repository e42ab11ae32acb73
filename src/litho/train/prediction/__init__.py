"""What training on a text would do, said before it is done."""
