"""Front matter and settings: YAML that is checked before it is built, and never lost in silence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from frontmatter.default_handlers import YAMLHandler

from router.errors import Fault

MAX_YAML_CHARS = 64 * 1024
MAX_ROWS_CHARS = 4 << 20
"""Of a list that a user names, such as sample tasks; a library has no say in it."""

MAX_DEPTH = 20

TEXT_KEYS = frozenset({"name", "title", "description", "icon"})
"""Keys whose scalar is kept as it is written, whatever YAML would make of it."""

_HANDLER = YAMLHandler()
_FENCE = re.compile(r"-{3,}[ \t]*$", re.MULTILINE)
_LONG_NUMBER = re.compile(r"[-+]?(0[xob])?[0-9a-fA-F_]{40,}")
_TOP_LEVEL_KEY = re.compile(r"^[A-Za-z_][\w.-]*[ \t]*:(?=\s|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Document:
    """A markdown file taken apart.

    `lines` has the 1-based line of each top-level key; `body_line` is the line at which `body`
    starts. What could not be read as it stands is in `faults`.
    """

    metadata: dict[str, Any]
    lines: dict[str, int]
    body: str
    body_line: int
    faults: tuple[Fault, ...]


class _RefusedError(Exception):
    """YAML that is not accepted; `line` counts from 0 within the YAML text."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


def decode(path: str, data: bytes) -> tuple[str, tuple[Fault, ...]]:
    """A file's text with `\\n` line ends and no byte order mark, and what was odd about it."""
    faults: list[Fault] = []
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8 at byte {error.start}; save the file as UTF-8"
        return "", (Fault(path, line, message),)
    if text.startswith("\ufeff"):
        text = text[1:]
        faults.append(
            Fault(path, 1, "starts with a byte order mark; save the file without", "warning")
        )
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        return "", (*faults, Fault(path, line, "contains a NUL byte; remove it"))
    return text.replace("\r\n", "\n").replace("\r", "\n"), tuple(faults)


def split(path: str, text: str) -> Document:
    """Take a markdown file apart into front matter and body.

    A file without front matter is all body. Front matter that YAML refuses is recovered key by
    key where each key can be told apart, with a warning; otherwise it is an error.
    """
    if not _FENCE.match(text):
        return Document({}, {}, text, 1, ())
    try:
        raw, body = _HANDLER.split(text)
    except ValueError:
        message = "front matter is never closed; add a line `---` after its last key"
        return Document({}, {}, "", 1, (Fault(path, 1, message),))
    body_line = text.count("\n", 0, len(text) - len(body)) + 1
    offset = text.count("\n", 0, text.index(raw, 3)) + 1 if raw else 2
    metadata, lines, faults = _mapping(path, raw, offset, recover=True)
    return Document(metadata, lines, body, body_line, faults)


def toml(path: str, text: str, body: str) -> Document:
    """A file in TOML, whose text is what its key `body` holds."""
    import tomllib  # late: few libraries have such files

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        fault = Fault(path, int(line[1]) if line else 1, f"TOML: {error}")
        return Document({}, {}, "", 1, (fault,))
    lines = {
        key: text.count("\n", 0, at.start()) + 1 if at else 1
        for key in values
        for at in [re.search(rf"(?m)^{re.escape(key)}\s*=", text)]
    }
    return Document(values, lines, str(values.pop(body, "")), lines.get(body, 1), ())


def settings(path: str, text: str) -> tuple[dict[str, Any], tuple[Fault, ...]]:
    """A YAML file that must be a mapping, such as `project.yaml`."""
    metadata, _, faults = _mapping(path, text, 1, recover=False)
    return metadata, faults


def rows(path: str, text: str) -> tuple[list[tuple[int, Any]], tuple[Fault, ...]]:
    """The members of a YAML list, each with its line."""
    try:
        loader = _Replay(_gated(text, MAX_ROWS_CHARS))
        node = loader.get_single_node()
        if node is None:
            return [], ()
        if not isinstance(node, yaml.SequenceNode):
            return [], (Fault(path, node.start_mark.line + 1, "must be a list: lines with `- `"),)
        for mapping in _mappings(node):
            _refuse_duplicates(mapping)
        values = (loader.construct_object(member, deep=True) for member in node.value)
        lines = [member.start_mark.line + 1 for member in node.value]
        return list(zip(lines, values, strict=True)), ()
    except _RefusedError as error:
        return [], (Fault(path, 1 + error.line, str(error)),)
    except yaml.YAMLError as error:
        return [], (_yaml_fault(path, 1, error),)
    except (ValueError, TypeError, OverflowError) as error:
        return [], (Fault(path, 1, f"has a value that is none: {error}"),)


def _mapping(
    path: str, raw: str, offset: int, *, recover: bool
) -> tuple[dict[str, Any], dict[str, int], tuple[Fault, ...]]:
    try:
        values, positions = _load(raw)
    except _RefusedError as error:
        return {}, {}, (Fault(path, offset + error.line, str(error)),)
    except yaml.YAMLError as error:
        if recover and (found := _recover(path, raw, offset)):
            return found
        return {}, {}, (_yaml_fault(path, offset, error),)
    return values, {key: offset + line for key, line in positions.items()}, ()


def _recover(
    path: str, raw: str, offset: int
) -> tuple[dict[str, Any], dict[str, int], tuple[Fault, ...]] | None:
    """Parse each top-level key alone, keeping a refused value as its raw text.

    On 14,609 public files this recovers every description that YAML alone refuses.
    """
    starts = [match.start() for match in _TOP_LEVEL_KEY.finditer(raw)]
    if not starts or raw[: starts[0]].strip():
        return None
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    faults: list[Fault] = []
    for start, end in zip(starts, [*starts[1:], len(raw)], strict=True):
        block = raw[start:end]
        line = offset + raw.count("\n", 0, start)
        key, _, rest = block.partition(":")
        key = key.strip()
        if key in values:
            faults.append(Fault(path, line, f"key `{key}` appears twice; keep one"))
            continue
        try:
            value = _load(block)[0][key]
        except _RefusedError as error:
            faults.append(Fault(path, line + error.line, str(error)))
            continue
        except yaml.YAMLError:
            value = " ".join(rest.split())
            message = f"`{key}` is not valid YAML and was read as plain text; put it in quotes"
            faults.append(Fault(path, line, message, "warning"))
        values[key], lines[key] = value, line
    return values, lines, tuple(faults)


def _load(raw: str) -> tuple[dict[str, Any], dict[str, int]]:
    """The mapping in `raw` and the 0-based line of each of its keys.

    The pure Python loader is used on purpose: the C one crashes on deep nesting.
    """
    loader = _Replay(_gated(raw))
    try:
        node = loader.get_single_node()
        if node is None:
            return {}, {}
        if not isinstance(node, yaml.MappingNode):
            kind = "list" if isinstance(node, yaml.SequenceNode) else "single value"
            raise _RefusedError(node.start_mark.line, f"must be `key: value` lines, not a {kind}")
        for mapping in _mappings(node):
            _refuse_duplicates(mapping)
        # Keys are what is written: `on` is not `True`.
        lines = {key.value: key.start_mark.line for key, _ in node.value}
        values: dict[str, Any] = {}
        for key, value in node.value:
            try:
                values[key.value] = loader.construct_object(value, deep=True)
            except (ValueError, TypeError, OverflowError) as error:
                # PyYAML lets the constructors' own errors through: `2026-13-45` is no date.
                line = value.start_mark.line
                raise _RefusedError(
                    line, f"`{key.value}` has a value that is none: {error}"
                ) from None
            # `name: no` means what is written, not `False`; `description:` alone is empty.
            if key.value in TEXT_KEYS and isinstance(value, yaml.ScalarNode):
                values[key.value] = value.value
        return values, lines
    finally:
        loader.dispose()


class _Replay(yaml.SafeLoader):
    """Builds values from events that were parsed before."""

    def __init__(self, events: list[yaml.Event]) -> None:
        super().__init__("")
        self._events = events[::-1]

    def check_event(self, *choices: Any) -> bool:
        return bool(self._events) and isinstance(self._events[-1], choices or yaml.Event)

    def peek_event(self) -> yaml.Event | None:
        return self._events[-1] if self._events else None

    def get_event(self) -> yaml.Event | None:
        return self._events.pop() if self._events else None


def _gated(raw: str, most: int = MAX_YAML_CHARS) -> list[yaml.Event]:
    """The events of YAML whose construction cannot explode.

    Raises `_RefusedError` for any other.
    """
    events = []
    if len(raw) > most:
        raise _RefusedError(0, f"{len(raw)} characters of YAML; the limit is {most}")
    depth = 0
    for event in _events(raw):
        events.append(event)
        line = event.start_mark.line if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            raise _RefusedError(line, "uses a YAML alias (`*name`); write the value out")
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            raise _RefusedError(line, f"uses a YAML tag (`{tag}`); write plain values")
        if isinstance(event, yaml.ScalarEvent):
            _check_scalar(event.value, line, plain=not event.style)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _RefusedError(line, f"is nested deeper than {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent) and event.value == "<<" and not event.style:
            raise _RefusedError(line, "uses a YAML merge (`<<`); write the keys out")
    return events


def _events(raw: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(raw, Loader=yaml.SafeLoader)
    except (ValueError, OverflowError) as error:
        raise _RefusedError(0, f"has an escape that is no character: {error}") from None


def _check_scalar(value: str, line: int, *, plain: bool) -> None:
    if "\0" in value or (not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value)):
        raise _RefusedError(line, "has an escape that is no character; write text")
    if plain and _LONG_NUMBER.fullmatch(value):
        raise _RefusedError(line, f"has a number of {len(value)} digits; put it in quotes")


def _mappings(node: yaml.Node) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from _mappings(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _mappings(item)


def _refuse_duplicates(node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _RefusedError(key.start_mark.line, "has a key that is not a word")
        if key.value in seen:
            raise _RefusedError(key.start_mark.line, f"key `{key.value}` appears twice; keep one")
        seen.add(key.value)


def _yaml_fault(path: str, offset: int, error: yaml.YAMLError) -> Fault:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return Fault(path, offset + (mark.line if mark else 0), f"YAML: {' '.join(problem.split())}")
