"""`python -m litho`."""

from litho.cli.main import main

main()
