"""A module of this package as a process of its own, to work on a stranger's files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from router.errors import CompileError

PATIENCE_SECONDS = 0.5
"""What takes longer is announced."""

DEADLINE_SECONDS = 900.0

PACKAGE_FOLDER = os.fspath(Path(__file__).resolve().parents[2])
"""Where the process imports this package from, whatever the current folder holds."""


def limited(
    module: str, request: dict[str, Any], doing: str, notify: Callable[[str], None]
) -> dict[str, Any]:
    """The answer of `python -m module` to `request`, both JSON.

    `notify` is told what it is `doing` when that takes longer. Raises `CompileError` when the
    process dies or takes too long.
    """
    # One thread: the sums come out in the same order on every machine.
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (PACKAGE_FOLDER, os.environ.get("PYTHONPATH")))),
    }
    environment.pop("PYTHONIOENCODING", None)
    with subprocess.Popen(
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment, text=True, encoding="utf-8",
    ) as child:  # fmt: skip
        try:
            try:
                output, errors = child.communicate(json.dumps(request), timeout=PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                notify(f"{doing} …")
                output, errors = child.communicate(timeout=DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            message = f"{doing} took over {DEADLINE_SECONDS:.0f} s and was stopped"
            raise CompileError(message) from None
        except BaseException:
            child.kill()
            raise
    if child.returncode != 0:
        cause = errors.strip().rsplit("\n", 1)[-1] or f"status {child.returncode}"
        raise CompileError(f"{doing} stopped: {cause}; a file of it needs too much memory or time")
    answer: dict[str, Any] = json.loads(output)
    return answer
