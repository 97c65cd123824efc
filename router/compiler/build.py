"""The process that compiles a library: `python -m router.build`, a request on standard input.

Reading and rendering run under a tight limit of memory and CPU time and before anything heavy is
imported; the limits are widened for the fit, when no text of the library is executed any more.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from router.compiler import cache
from router.library.discovery import snapshot
from router.library.folder import Library, read_library
from router.library.source import Folder, Snapshot
from router.model import artifact

READ_BYTES = 256 << 20
"""Address space for reading and rendering, over 16 times the library's own size."""


READ_SECONDS = 60
READ_SECONDS_PER_MB = 2
FIT_BYTES = 8 << 30
FIT_SECONDS = 900


def main() -> None:
    request = json.load(sys.stdin)
    json.dump(build(request["root"], Path(request["cache"])), sys.stdout)


def build(root: str, cache_folder: Path) -> dict[str, Any]:
    """Compile the library at `root` into `cache_folder`.

    Returns `model` (the file's path, None if the library has errors), `faults`, and `unwritable`:
    why the cache could not be used and the model is in a temporary folder instead, or "".
    """
    folder = Folder(root)
    files = snapshot(folder)
    limit_reading(files)
    library = read_library(folder, files)
    answer = {
        "model": None,
        "faults": [asdict(fault) for fault in library.faults],
        "unwritable": "",
    }
    if library.errors:
        return answer
    _limit(FIT_BYTES, FIT_SECONDS)
    payload = _fit(library, files)
    path = cache.model_path(cache_folder, files.digest)
    try:
        artifact.write(path, payload)
    except OSError as error:
        answer["unwritable"] = f"{error.filename or cache_folder}: {error.strerror}"
        path = Path(tempfile.mkdtemp(prefix="whenuse-")) / path.name
        artifact.write(path, payload)
    return answer | {"model": str(path)}


def _fit(library: Library, files: Snapshot) -> bytes:
    # Late: importing scikit-learn under the tight limit would hang in its BLAS for minutes.
    from router.compiler.compiling import compile_library
    from router.compiler.encoder import load_encoder

    return compile_library(library, files.digest, load_encoder())


def limit_reading(files: Snapshot) -> None:
    """Limit this process to what reading these files may take."""
    size = sum(len(file.data) for file in files.files)
    _limit(READ_BYTES + 16 * size, READ_SECONDS + READ_SECONDS_PER_MB * (size >> 20))


def _limit(memory: int, seconds: int) -> None:
    """Limit this process; where the system has no such limits, the parent's deadline remains."""
    try:
        import resource
    except ImportError:
        return
    for limit, value in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds)):
        hard = resource.getrlimit(limit)[1]
        soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (soft, hard))


if __name__ == "__main__":
    main()
