"""The console script, also `python -m router`.

A task without options is answered at once; everything else goes through typer, whose import takes
six times as long as the interpreter.
"""

from __future__ import annotations

import sys

from router.terminal import cli

COMMANDS = frozenset(
    "task why rules show overlap check compile eval cases learn tune init new export".split()
)


def main() -> None:
    """Run the command line's arguments and exit with their status."""
    arguments = sys.argv[1:]
    plain = not any(argument.startswith("-") and argument != "-" for argument in arguments)
    if arguments and plain and arguments[0] not in COMMANDS:
        sys.exit(cli.guarded(cli.answer, arguments))
    from router.terminal.commands import app

    app(prog_name="route")


if __name__ == "__main__":
    main()
