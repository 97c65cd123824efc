"""The README says what the program does: its command reference is what `--help` prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"


def documented() -> list[tuple[str, str]]:
    """Each `$ route … --help` block of the README: the command's words and its output."""
    blocks = re.findall(
        r"```console\n\$ route ([^\n]*?--help)\n(.*?)\n```", README.read_text(), re.S
    )
    return [(words, output) for words, output in blocks]


def help_text(words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "router", *words.split()],
        env=os.environ | {"TYPER_USE_RICH": "0", "COLUMNS": "100", "NO_COLOR": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return "\n".join(line.rstrip() for line in done.stdout.strip().split("\n"))


@pytest.mark.parametrize(
    "words",
    [
        "--help",
        "task --help",
        "why --help",
        "show --help",
        "rules --help",
        "check --help",
        "overlap --help",
        "compile --help",
        "eval --help",
        "cases --help",
        "cases new --help",
        "learn --help",
        "tune --help",
    ],
)
def test_the_command_reference_is_the_help(words: str) -> None:
    assert dict(documented())[words] == help_text(words)


def test_every_file_that_the_readme_links_to_is_there() -> None:
    prose = re.sub(r"```.*?```", "", README.read_text(), flags=re.S)
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", prose):
        assert (README.parent / target).exists(), target
