"""The console script `hostler`: it loads the command line, and nothing before that.

Invariant: Ctrl-C ends a command with status 130 and without a traceback, also while it loads.
"""

import importlib


def main() -> None:
    """The console script: exit codes 0, 1, 2 and 130."""
    try:
        importlib.import_module("hostler.cli.commands").run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
