"""The command `litho`, and `python -m litho`."""

import sys

from litho.cli.process import STOPPED, ignore_signals, prepare


def main() -> None:
    """Run the command line, also if it is stopped while it is imported."""
    try:
        prepare()
        from litho.cli.main import main as run

        run()
    except KeyboardInterrupt:
        ignore_signals()
        print(f"litho: {STOPPED}", file=sys.stderr)
        sys.exit(3)


if __name__ == "__main__":
    main()
