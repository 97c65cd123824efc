"""The process that reads and checks a library: `python -m router.checking`, a request on standard
input. It has the limits of the one that compiles, since it renders a stranger's templates as well.
"""

from __future__ import annotations

import json
import sys

from router.compiler.build import limit_reading
from router.library.discovery import snapshot
from router.library.folder import read_library
from router.library.source import Folder


def main() -> None:
    root = json.load(sys.stdin)["root"]
    folder = Folder(root)
    files = snapshot(folder)
    limit_reading(files)
    from router.checking import checking

    library = read_library(folder, files)
    settings, _ = checking.settings_of(folder)
    faults = checking.read_only(library, files, settings)
    json.dump(checking.to_answer(library, faults), sys.stdout)


if __name__ == "__main__":
    main()
