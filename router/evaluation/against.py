"""Another version to compare with: a git revision, a folder, or the report of an earlier run.

A revision is checked out into a folder of its own with an index of its own, so that neither the
working tree nor what is staged is touched.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from router.errors import CasesError, Fault, UsageError
from router.evaluation.answers import Answer
from router.evaluation.cases import Case
from router.evaluation.measuring import Report, Result

READ = ("*.md", "*.mdc", "*.toml", "*.jsonl", "*.gitignore", "project.yaml")
"""What a library is read from, whichever tool it is for: nothing else is checked out."""

HOOKED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


@contextmanager
def checkout(root: Path, revision: str) -> Iterator[Path]:
    """The library at `root` as it was at a git `revision`, for as long as the block lasts.

    Raises `UsageError` where there is no repository, no such revision or no library in it.
    """
    prefix = _git(root, "rev-parse", "--show-prefix").strip()
    commit = _git(root, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    with tempfile.TemporaryDirectory(prefix="route-") as scratch:
        own = {"GIT_INDEX_FILE": os.path.join(scratch, "index")}
        folder = Path(scratch, "library")
        folder.mkdir()
        _git(root, "read-tree", f"{commit.strip()}:{prefix}", **own)
        # From the top of the repository, where the paths of this index begin.
        top = Path(_git(root, "rev-parse", "--show-toplevel").rstrip("\n"))
        listed = _git(top, "ls-files", "-z", "--cached", "--", *READ, **own)
        _git(
            top, "checkout-index", "-z", "--stdin", f"--prefix={folder}{os.sep}", said=listed, **own
        )
        yield folder


def read_report(path: Path, cases: Sequence[Case]) -> tuple[Report, tuple[Case, ...]]:
    """What a report of `route eval --json` says of these cases, and those that it has not.

    Raises `CasesError` for what is no report.
    """
    try:
        said = json.loads(path.read_bytes())
        rows: dict[str, dict[str, Any]] = {row["task"]: row for row in said["results"]}
        found = [
            Result(case, Answer.from_dict(rows[case.task])) for case in cases if case.task in rows
        ]
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise CasesError((Fault(str(path), 1, f"cannot be read: {cause}"),)) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        message = "is no report; write one with `route eval --json`"
        raise CasesError((Fault(str(path), 1, message),)) from None
    return Report(tuple(found)), tuple(case for case in cases if case.task not in rows)


def _git(folder: Path, *arguments: str, said: str | None = None, **more: str) -> str:
    # A hook is told of a repository in ways that hold in the folder where it was started only.
    environment = {name: value for name, value in os.environ.items() if name not in HOOKED}
    try:
        done = subprocess.run(
            ["git", "-C", os.fspath(folder), *arguments],  # noqa: S607 - the user's own git
            input=said, capture_output=True, text=True, encoding="utf-8", check=False,
            errors="surrogateescape", env=environment | {"LC_ALL": "C"} | more,
        )  # fmt: skip
    except FileNotFoundError:
        raise UsageError("--against: git is not installed; name a folder or a report") from None
    if done.returncode:
        cause = done.stderr.strip().removeprefix("fatal: ") or f"status {done.returncode}"
        raise UsageError(f"--against: git: {cause}; name a revision, a folder or a report.json")
    return done.stdout
