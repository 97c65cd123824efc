"""A first library, and files of the right form to go on from. Nothing that is there is replaced."""

from __future__ import annotations

import os
import re
from pathlib import Path

from router.library.rules import slug
from router.library.writing import write_new

STARTER = Path(__file__).parent.parent / "starter"
_NAME = re.compile(r"[^\W_][\w .&+-]{0,79}")


def start(root: str | os.PathLike[str]) -> tuple[str, ...]:
    """Copy the starting library to `root`, a folder that is made if it is not there.

    Returns the paths written, relative to it. Raises `LibraryError` with a fault for every file
    that is there already, before anything is written, or for what cannot be
    written.

    >>> start("my-library")  # doctest: +SKIP
    ('agents/developer.md', 'agents/writer.md', 'cases.yaml', …)
    """
    source = STARTER / "library"
    files = {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in sorted(source.rglob("*"))
        if path.is_file()
    }
    return write_new(os.fspath(root), files)


def add(root: str | os.PathLike[str], kind: str, name: str) -> tuple[str, ...]:
    """Add a file of the right form to the library at `root`: an `agent` or a `prompt`.

    `name` is a title or a file name; either is made of the other. An agent comes with the prompt
    that its first rule uses, unless there is one of that name. Returns the paths written, relative
    to `root`; raises `LibraryError` as `start` does, and `ValueError` where `name` is no name.

    >>> add("my-library", "agent", "Data Engineer")  # doctest: +SKIP
    ('agents/data-engineer.md', 'prompts/data-engineer.md')
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"name: `{name}` is no name; letters, digits and spaces make one")
    stem = slug(name)
    title = name if name != stem else stem.replace("-", " ").title()
    said = {"NAME": stem, "TITLE": title}
    paths = [f"{kind}s/{stem}.md"]
    if kind == "agent" and not os.path.lexists(os.path.join(root, prompt := f"prompts/{stem}.md")):
        paths.append(prompt)
    files = {}
    for path in paths:
        form = (STARTER / "new" / f"{path.partition('s/')[0]}.md").read_text(encoding="utf-8")
        files[path] = re.sub("NAME|TITLE", lambda found: said[found[0]], form).encode()
    return write_new(os.fspath(root), files)
