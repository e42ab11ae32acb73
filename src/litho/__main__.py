"""`python -m litho`."""

from litho.app.cli import main

main()
