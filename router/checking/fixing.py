"""Mending what can be mended without a thought, and not a byte more.

A fix is made in the file's own text, line ends, marks and comments as they are; where the text is
not what the finding said, or the file would not say what it should, nothing is changed.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from router.errors import Fault
from router.library import frontmatter, rules, writing
from router.library.discovery import snapshot
from router.library.formats import LOOSE, format_of, identity
from router.library.neighbours import Neighbours, same_letters
from router.library.source import Folder, UnreadableError

_BREAK = re.compile(r"\r\n|\r|\n")
_KEY = re.compile(r"(\s*[\"']?[^\W\d][\w.-]*[\"']?\s*:[ \t]*)(.*?)([ \t]*)")


@dataclass(slots=True)
class _Text:
    """A file's lines without their ends, numbered from 1 by the reader, and those ends."""

    path: str
    lines: list[str]
    ends: list[str]
    neighbours: Neighbours

    def line(self, fault: Fault) -> str:
        return self.lines[fault.line - 1] if fault.line <= len(self.lines) else ""

    def joined(self) -> str:
        return "".join(line + end for line, end in zip(self.lines, self.ends, strict=True))


Fix = Callable[[_Text, Fault], bool]
"""Mends one finding in a text, or says that it cannot."""


def fix(root: str | os.PathLike[str], findings: Iterable[Fault]) -> dict[str, int]:
    """Mend what can be in the library at `root`: the number of findings mended, by path.

    Each file is replaced whole or not at all. Raises `LibraryError` when one cannot be written.
    """
    folder = Folder(root)
    mended: dict[str, int] = {}
    for path, faults, neighbours in _by_path(folder, findings):
        with writing.opened(folder.root, path) as place:
            data, status = place.read()
            new, count = _mended(path, data, faults, neighbours)
            if status is not None and new != data and place.replace(new, status):
                mended[path] = count
    return mended


def mendable(folder: Folder, findings: Iterable[Fault]) -> int:
    """How many of the findings `fix` would mend."""
    count = 0
    for path, faults, neighbours in _by_path(folder, findings):
        with contextlib.suppress(UnreadableError):  # gone since it was checked
            count += _mended(path, folder.read(path).data, faults, neighbours)[1]
    return count


def _by_path(
    folder: Folder, findings: Iterable[Fault]
) -> Iterator[tuple[str, list[Fault], Neighbours]]:
    """The findings of each file that there are fixes for, and the library's other files."""
    by_path: dict[str, list[Fault]] = {}
    for fault in findings:
        if fault.code in FIXES:
            by_path.setdefault(fault.path, []).append(fault)
    if not by_path:
        return
    neighbours = Neighbours(file.path for file in snapshot(folder).files)
    for path, faults in sorted(by_path.items()):
        # Behind a link: what it leads to has a finding of its own, or is not ours.
        if _is_itself(folder, path):
            yield path, faults, neighbours


def _is_itself(folder: Folder, path: str) -> bool:
    try:
        return folder.inside(path) == os.path.normpath(path)
    except UnreadableError:
        return False


def _mended(
    path: str, data: bytes, faults: Iterable[Fault], neighbours: Neighbours
) -> tuple[bytes, int]:
    """The file with as many of its faults mended as can be, and how many these are."""
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    try:
        text = data.removeprefix(mark).decode()
    except UnicodeDecodeError:
        return data, 0
    ends = [*_BREAK.findall(text), ""]
    found = _Text(path, _BREAK.split(text), ends, neighbours)
    count = 0
    # From the end on: a line that is added moves only those behind it.
    for fault in sorted(faults, key=lambda fault: (-fault.line, -fault.column)):
        if fault.code == "R003":
            mark, done = b"", bool(mark)
        else:
            done = FIXES[fault.code](found, fault)
        count += done
    return mark + found.joined().encode(), count


def _quote(text: _Text, fault: Fault) -> bool:
    """Put a value of one line into single quotes, in which YAML takes all but them as it stands."""
    line = text.line(fault)
    found = _KEY.fullmatch(line)
    following = text.lines[fault.line] if fault.line < len(text.lines) else "---"
    if not found or not found[2] or not re.match(r"-{3,}\s*$|[^\s:#-][^:]*:(\s|$)", following):
        return False
    meant = frontmatter.raw_value(found[2])
    quoted = "'" + meant.replace("'", "''") + "'"
    before, after = (
        frontmatter.split(text.path, f"---\n{found[1]}{value}\n---\n", lenient=True)
        for value in (found[2], quoted)
    )
    if not before.faults or after.faults or list(after.metadata.values()) != [meant]:
        return False
    text.lines[fault.line - 1] = found[1] + quoted + found[3]
    return True


def _close(text: _Text, fault: Fault) -> bool:
    """Add the line that closes a code fence or HTML block at the end of the file."""
    body = frontmatter.split(text.path, "\n".join(text.lines)).body
    mark = rules.closing(body)
    if not mark or fault.line < len(text.lines) - 1:
        return False
    end = next((end for end in text.ends if end), "\n")
    if text.lines[-1]:
        text.ends[-1] = end
        text.lines.append(mark)
        text.ends.append("")
    else:
        text.lines[-1:] = [mark, ""]
        text.ends[-1:] = [end, ""]
    return True


def _name(text: _Text, fault: Fault) -> bool:
    """Add the name that the file has by its place as the first key."""
    if not re.fullmatch(r"-{3,}[ \t]*", text.lines[0]) or len(text.lines) < 3:
        return False
    name = f"name: {identity(text.path, format_of(text.path) or LOOSE)}"
    document = frontmatter.split(text.path, "\n".join(text.lines), lenient=True)
    if document.metadata.get("name"):
        return False
    line = document.lines.get("name")
    if line == fault.line and re.fullmatch(r"name:\s*", text.lines[line - 1]):
        text.lines[line - 1] = name
    elif line is None and fault.line == 1:
        text.lines.insert(1, name)
        text.ends.insert(1, text.ends[0])
    else:
        return False
    return True


def _take_out_unseen(text: _Text, fault: Fault) -> bool:
    from router.checking.naming import unseen  # late: its checks are listed beside these fixes

    line = text.line(fault)
    places = frozenset(unseen(line))
    kept = "".join(char for place, char in enumerate(line) if place not in places)
    text.lines[fault.line - 1 : fault.line] = [kept]
    return bool(places)


def _relink(text: _Text, fault: Fault) -> bool:
    """Link to the file that differs in capitals, marks or folder only."""
    line = text.line(fault)
    start = fault.column - 1
    found = re.match(r"[^)\s>#?]+", line[start:])
    if not found or not line[:start].endswith(("(", "(<")):
        return False
    target = unquote(found[0])
    folder = posixpath.dirname(text.path)
    near = text.neighbours.of(posixpath.normpath(posixpath.join(folder, target)))
    written = posixpath.relpath(near, folder) if near else ""
    if not near or not same_letters(target, near) or not re.fullmatch(r"[\w./-]+", written):
        return False
    text.lines[fault.line - 1] = line[:start] + written + line[start + len(found[0]) :]
    return True


def _mark(text: _Text, fault: Fault) -> bool:
    """A byte order mark is no part of the text: `_mended` leaves it away."""
    return True


FIXES: Mapping[str, Fix] = {
    "R003": _mark,
    "R006": _quote,
    "R013": _close,
    "R030": _name,
    "R036": _take_out_unseen,
    "R040": _relink,
}
"""By code. Not every finding of a code can be mended."""
