"""The `routing:` of a library's `project.yaml`: read with every fault, written without a byte more.

routing:
  threshold: 0.31
  calibration:
    bias: -1.5
    score: 1.8
    lead: 9.4
"""

from __future__ import annotations

import codecs
import difflib
import os
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

import yaml

from router.errors import Fault, UsageError
from router.library import frontmatter, writing
from router.library.source import SETTINGS, Folder, UnreadableError
from router.model.calibration import Routing, Slopes, check_constant

KEY = "routing"

_KEYS = tuple(field.name for field in fields(Routing))
_SLOPES = tuple(field.name for field in fields(Slopes))
_NUMBERS = (("threshold",), *(("calibration", name) for name in _SLOPES))
_BREAK = re.compile(r"\r\n|\r|\n")


class EditError(ValueError):
    """A file whose `routing:` cannot be written without touching what people wrote.

    `line` is where it stands.
    """

    def __init__(self, line: int, cause: str, routing: Routing) -> None:
        self.line = line
        super().__init__(f"{cause}; write it by hand: `{_inline(routing)}`")


@dataclass(frozen=True, slots=True)
class Saved:
    """What was written, and what stood there before; `routing` is None for the shipped values."""

    routing: Routing
    before: Routing | None
    line: int


def read_routing(
    path: str, text: str, values: dict[str, Any]
) -> tuple[Routing | None, tuple[Fault, ...]]:
    """What `routing` says in the `values` of the YAML `text`, and all that is wrong with it.

    None where nothing is said, or anything is wrong.
    """
    value = values.get(KEY)
    if value is None:
        return None, ()
    lines = {keys: node.start_mark.line + 1 for keys, node in _keys(text)}
    faults: list[Fault] = []

    def fault(keys: tuple[str, ...], message: str) -> None:
        faults.append(Fault(path, lines.get(keys, 1), message, code="R016"))

    def known(keys: tuple[str, ...], value: Any, names: Collection[str]) -> dict[str, Any]:
        """The mapping that `value` is, without the keys that are none of `names`."""
        if not isinstance(value, dict):
            listed = ", ".join(f"`{name}`" for name in names)
            fault(keys, f"`{keys[-1]}` must have {listed} below it")
            return {}
        for key in value:
            if key not in names:
                near = difflib.get_close_matches(key, names, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(names)}"
                fault((*keys, key), f"key `{key}` is unknown; {hint}")
        return {key: value[key] for key in names if key in value}

    def number(keys: tuple[str, ...], value: Any) -> float:
        if wrong := check_constant(keys[-1], value):
            fault(keys, wrong)
            return 0.0
        return float(value)

    said = known((KEY,), value, _KEYS)
    threshold = number((KEY, "threshold"), said["threshold"]) if "threshold" in said else None
    place = (KEY, "calibration")
    given: dict[str, Any] = {}
    if "calibration" in said:
        given = known(place, said["calibration"], _SLOPES)
        # A key that is unknown is most likely the one that is missing.
        if isinstance(said["calibration"], dict) and len(given) == len(said["calibration"]):
            for name in (name for name in _SLOPES if name not in given):
                fault(place, f"no `{name}`; a calibration has {', '.join(_SLOPES)}")
        if threshold is None and len(said) == len(value):
            fault(place, "a calibration without `threshold`; `route tune` finds one")
    found = {name: number((*place, name), value) for name, value in given.items()}
    if faults or threshold is None:
        return None, tuple(faults)
    return Routing(threshold, Slopes(**found) if found else None), ()


def with_routing(data: bytes, routing: Routing) -> bytes:
    """The file `data` with this `routing`, every byte outside of its block as it was.

    Where all its numbers are there, they alone are replaced, whatever the style and comments; a
    block without comments is replaced as a whole; a file without the block gets one.

    Raises `EditError` where that cannot be done, or the file would say anything else than before.
    """
    bom = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    try:
        text = data.removeprefix(bom).decode()
        root = yaml.compose(text, yaml.SafeLoader) if _values(data) is not None else None
    except (ValueError, yaml.YAMLError):
        raise EditError(1, "is no YAML that can be changed", routing) from None
    line, texts = 1, list[str]()
    cause = "cannot be changed without changing what else it says"
    if root is None:
        texts = list(_appended(text, "", routing))
    elif isinstance(root, yaml.MappingNode):
        entry = next(((key, value) for key, value in root.value if key.value == KEY), None)
        if entry:
            line = entry[0].start_mark.line + 1
            cause = f"`{KEY}` has comments, or is in one line with something else"
            texts = list(_replaced(text, *entry, routing))
        elif root.flow_style:
            cause = "is written in braces"
        else:
            indent = " " * root.start_mark.column
            start = root.start_mark.index - root.start_mark.column
            block = _block(routing, indent, _line_break(text))
            # At its end a literal text may take new lines for its own; there is none at its start.
            texts = [*_appended(text, indent, routing), text[:start] + block + text[start:]]
    for changed in texts:
        new = bom + changed.encode()
        if _says(new, routing) and _others(new) == _others(data):
            return new
    raise EditError(line, cause, routing)


def save_routing(
    root: str | os.PathLike[str], routing: Routing, read_back: Callable[[], Routing | None]
) -> Saved:
    """Write `routing` into the `project.yaml` of the library at `root`, made if there is none.

    `read_back` reads the library anew; where it fails or finds anything else, the file is put
    back as it was.

    Raises `UsageError` when there is no such library and `LibraryError` when the file cannot be
    written; what was in it still is.
    """
    try:
        folder = Folder(root)
    except UnreadableError as error:
        raise UsageError(f"library: {error}") from None
    with writing.opened(folder.root, SETTINGS) as place:
        for _ in range(writing.ATTEMPTS):
            old, status = place.read()
            try:
                new = with_routing(old, routing)
            except EditError as error:
                raise place.fault(str(error), error.line) from None
            if new == old or place.replace(new, status):
                break
        else:
            raise place.fault("another program keeps changing it; try again later")
        try:
            if read_back() != routing:
                raise place.fault("did not read back as it was written; it is as it was before")
        except BaseException:
            if new != old:
                _put_back(place, new, old if status else None)
            raise
    before = read_routing(SETTINGS, *_decoded(old))[0]
    return Saved(routing, before, _line(new))


def _put_back(place: writing.Place, new: bytes, old: bytes | None) -> None:
    """The file as it was, unless somebody has changed it since."""
    now, status = place.read()
    if now != new:
        raise place.fault("was changed by another program while it was written; look at it")
    if old is None:
        place.remove()
    elif not place.replace(old, status):
        raise place.fault("was changed by another program while it was written; look at it")


def _appended(text: str, indent: str, routing: Routing) -> Iterator[str]:
    """The text with the block behind it, set off by an empty line where that changes nothing."""
    end = _line_break(text)
    block = _block(routing, indent, end)
    if not text:
        yield block
    elif text.endswith(("\n", "\r")):
        yield text + end + block
        yield text + block
    else:
        # Without a line break at its end, as it was.
        yield text + end + end + block.removesuffix(end)
        yield text + end + block.removesuffix(end)


def _replaced(text: str, key: yaml.Node, value: yaml.Node, routing: Routing) -> Iterator[str]:
    """The text with this routing as the value of `key`."""
    found = {keys: node for keys, node in _scalars(value) if keys in _NUMBERS}
    wanted = _NUMBERS if routing.calibration else _NUMBERS[:1]
    if set(found) == set(wanted):
        # From the last on, so that the places of the others stay.
        for keys, node in sorted(found.items(), key=lambda item: -item[1].start_mark.index):
            start, end = node.start_mark.index, node.end_mark.index
            if text[start:end] != node.value:
                return
            text = text[:start] + _digits(_number(routing, keys)) + text[end:]
        yield text
        return
    if isinstance(value, yaml.SequenceNode):
        return  # no routing, yet somebody's: lost if it were replaced
    if isinstance(value, yaml.MappingNode) and value.flow_style and value.value:
        return
    last = max([node.end_mark.index for _, node in _scalars(value)], default=value.end_mark.index)
    start, end = key.start_mark.index, last
    rest = _BREAK.split(text[end:], maxsplit=1)[0]
    if "#" in text[start:end] or rest.strip():
        return
    line_break = _line_break(text)
    block = _block(routing, " " * key.start_mark.column, line_break)
    yield text[:start] + block.lstrip(" ").removesuffix(line_break) + text[end:]


def _number(routing: Routing, keys: tuple[str, ...]) -> float:
    value: Any = routing
    for key in keys:
        value = getattr(value, key)
    return float(value)


def _line_break(text: str) -> str:
    found = _BREAK.search(text)
    return found[0] if found else "\n"


def _block(routing: Routing, indent: str, line_break: str) -> str:
    lines = [f"{KEY}:", f"  threshold: {_digits(routing.threshold)}"]
    if slopes := routing.calibration:
        lines.append("  calibration:")
        lines += [f"    {name}: {_digits(getattr(slopes, name))}" for name in _SLOPES]
    return "".join(f"{indent}{line}{line_break}" for line in lines)


def _inline(routing: Routing) -> str:
    parts = [f"threshold: {_digits(routing.threshold)}"]
    if slopes := routing.calibration:
        numbers = ", ".join(f"{name}: {_digits(getattr(slopes, name))}" for name in _SLOPES)
        parts.append(f"calibration: {{{numbers}}}")
    return f"{KEY}: {{{', '.join(parts)}}}"


def _digits(value: float) -> str:
    """The number as YAML reads it back: `1e-05` would be a text.

    >>> _digits(1e-05), _digits(2)
    ('0.00001', '2.0')
    """
    return format(Decimal(repr(float(value))), "f")


def _keys(text: str) -> Iterator[tuple[tuple[str, ...], yaml.Node]]:
    """Every key below and with `routing`, as its path and its node."""
    root: tuple[tuple[str, ...], yaml.Node | None] = ((), yaml.compose(text, yaml.SafeLoader))
    pending = [root]
    while pending:
        path, node = pending.pop()
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if path or key.value == KEY:
                    yield (*path, key.value), key
                    pending.append(((*path, key.value), value))


def _scalars(node: yaml.Node, path: tuple[str, ...] = ()) -> Iterator[tuple[Any, yaml.ScalarNode]]:
    if isinstance(node, yaml.ScalarNode):
        yield path, node
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _scalars(value, (*path, key.value))


def _decoded(data: bytes) -> tuple[str, dict[str, Any]]:
    """The file as the library's reader has it.

    Raises `ValueError` where that finds an error.
    """
    text, faults = frontmatter.decode(SETTINGS, data)
    values: dict[str, Any] = {}
    if text.strip():
        values, more = frontmatter.settings(SETTINGS, text)
        faults += more
    if any(fault.severity == "error" for fault in faults):
        raise ValueError(str(faults[-1]))
    return text, values


def _values(data: bytes) -> dict[str, Any] | None:
    """What the file says; None for nothing at all."""
    return _decoded(data)[1] or None


def _says(data: bytes, routing: Routing) -> bool:
    try:
        return read_routing(SETTINGS, *_decoded(data)) == (routing, ())
    except ValueError:
        return False


def _others(data: bytes) -> str:
    """All that the file says but its routing; as text, since not every value equals itself."""
    return repr([item for item in _decoded(data)[1].items() if item[0] != KEY])


def _line(data: bytes) -> int:
    """The line at which the block stands."""
    return next(node.start_mark.line + 1 for _, node in _keys(_decoded(data)[0]))
