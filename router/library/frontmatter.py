"""Front matter and settings: YAML that is checked before it is built, and never lost in silence."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import yaml
from frontmatter.default_handlers import YAMLHandler

from router.errors import Fault, Severity

MAX_YAML_CHARS = 64 * 1024
MAX_ROWS_CHARS = 4 << 20
"""Of a list that a user names, such as sample tasks; a library has no say in it."""

MAX_DEPTH = 20

TEXT_KEYS = frozenset({"name", "title", "description", "icon"})
"""Keys whose scalar is kept as it is written, whatever YAML would make of it."""

MAX_RAW_CHARS = 4_000
"""Of a value that is kept as it is written."""

_BOUNDARY = YAMLHandler.FM_BOUNDARY
_FENCE = re.compile(r"-{3,}[ \t]*$", re.MULTILINE)
_LONG_NUMBER = re.compile(r"[-+]?(0[xob])?[0-9a-fA-F_]{40,}")
_TOP_LEVEL_KEY = re.compile(
    r"""^(?:["']?[^\W\d][\w.-]*["']?[ \t]*:(?=\s|$)|(?:name|description):(?=\S))""", re.MULTILINE
)
_INDENTED = re.compile(r"\s*^([ \t]+)(?=---[ \t]*$)", re.MULTILINE)

_BLANK_OR_COMMENT = re.compile(r"(?:\s++|<!--.*?-->)*+", re.DOTALL)
_CODE_FENCE = re.compile(r"(`{3,}|~{3,})[\w-]*[ \t]*\n\s*(?=---)")
_BARE_KEYS = re.compile(
    r"(?:(?:name|description|allowed-tools|argument-hint|tools|model|mode|title|globs|applyTo)"
    r"[ \t]*:(?:[ \t].*)?\n|[ \t]+\S.*\n|- .*\n)+"
)
_LATER = re.compile(r"\n[ \t]*\n(?=-{3,}[ \t]*\n[A-Za-z][\w-]*:)")
_END_OF_KEYS = re.compile(r"^(?:\.{3}\s*|#.*|\s*)$|\Z", re.MULTILINE)
_TOML_FENCE = re.compile(r"\+{3}[ \t]*\n(.*?)^\+{3}[ \t]*$", re.MULTILINE | re.DOTALL)
_UNCLOSED = "front matter is never closed; add a line `---` after its last key"
_JUNK = 0.1
"""A file with a larger share of bytes that are no text is none."""


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

    def __init__(self, line: int, message: str, code: str = "R007") -> None:
        self.line = line
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class _Matter:
    """Where the front matter was found: from `start` to `end`; the body from `body` to `last`.

    `wrong` says what is odd about the place, "" if nothing.
    """

    start: int
    end: int
    body: int
    last: int
    wrong: str = ""
    code: str = "R010"


def decode(path: str, data: bytes, *, lenient: bool = False) -> tuple[str, tuple[Fault, ...]]:
    """A file's text with `\\n` line ends and no byte order mark, and what was odd about it.

    If `lenient`, UTF-16 is read, and bytes that are no UTF-8 are replaced where they are few.
    """
    faults: list[Fault] = []
    encoding, message = "utf-8", ""
    if lenient and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding, message = "utf-16", "is UTF-16; save the file as UTF-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8 at byte {error.start}; save the file as UTF-8"
        text = data.decode(encoding, "replace")
        if not lenient or text.count("\ufffd") > _JUNK * len(text):
            return "", (Fault(path, line, message, code="R002"),)
        faults.append(Fault(path, line, message, "warning", "R002"))
    else:
        if message:
            faults.append(Fault(path, 1, message, "warning", "R002"))
    if text.startswith("\ufeff"):
        text = text[1:]
        message = "starts with a byte order mark; save the file without"
        faults.append(Fault(path, 1, message, "warning", "R003"))
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        return "", (*faults, Fault(path, line, "contains a NUL byte; remove it", code="R002"))
    return text.replace("\r\n", "\n").replace("\r", "\n"), tuple(faults)


def split(path: str, text: str, *, lenient: bool = False) -> Document:
    """Take a markdown file apart into front matter and body.

    A file without front matter is all body. Front matter that YAML refuses is recovered key by
    key where each key can be told apart, with a warning; otherwise it is an error. If `lenient`,
    as for files of other tools, it is also found where it should not be, and whatever is wrong
    with it is a warning.
    """
    matter = _at(text, 0)
    if matter is None and lenient:
        if found := _TOML_FENCE.match(text):
            return _toml_matter(path, text, found)
        if indented := _INDENTED.match(text):
            text = re.sub(rf"^{indented[1]}", "", text, flags=re.MULTILINE)
        matter = _elsewhere(text)
    if matter is None:
        if not _FENCE.match(text):
            return Document({}, {}, text, 1, ())
        return Document({}, {}, "", 1, (Fault(path, 1, _UNCLOSED, code="R004"),))
    body = text[matter.body : matter.last]
    body_line = text.count("\n", 0, matter.body) + 1
    offset = text.count("\n", 0, matter.start) + 1
    raw = text[matter.start : matter.end]
    metadata, lines, faults = _mapping(path, raw, offset, recover=True, lenient=lenient)
    if lenient:
        for key in [key for key in metadata if key.lower() in TEXT_KEYS - metadata.keys()]:
            metadata[key.lower()], lines[key.lower()] = metadata[key], lines[key]
    if matter.wrong:
        line = offset if matter.code == "R010" else 1
        faults = (Fault(path, line, matter.wrong, "warning", matter.code), *faults)
    return Document(metadata, lines, body, body_line, faults)


def _at(text: str, place: int) -> _Matter | None:
    """Front matter whose first fence is at `place`, None if there is none or it never ends."""
    if not _FENCE.match(text, place) or not (opening := _BOUNDARY.match(text, place)):
        return None
    closing = _BOUNDARY.search(text, opening.end())
    if not closing:
        return None
    return _Matter(opening.end(), closing.start(), closing.end(), len(text))


def _elsewhere(text: str) -> _Matter | None:
    """Front matter that is not at the top, not between fences, or never ends."""
    top = _BLANK_OR_COMMENT.match(text)
    place = top.end() if top else 0
    if matter := _at(text, place):
        return replace(matter, wrong="front matter behind something else; put it at the top")
    if fence := _CODE_FENCE.match(text, place):
        matter = _at(text, fence.end())
        if matter:
            wrong = "front matter in a code fence, where no tool looks; take the fence away"
            after = re.compile(rf"\s*{fence[1]}[ \t]*$", re.MULTILINE).match(text, matter.body)
            end = text.rstrip().removesuffix(fence[1])
            last = len(text) if after or len(end) == len(text.rstrip()) else len(end)
            body = after.end() if after else matter.body
            return replace(matter, wrong=wrong, body=body, last=max(body, last))
    if _FENCE.match(text, place):
        start = text.find("\n", place) + 1
        stop = _END_OF_KEYS.search(text, start) if start else None
        if stop and _TOP_LEVEL_KEY.match(text, start):
            body = stop.end() if stop[0].startswith("...") else stop.start()
            return _Matter(start, stop.start(), body, len(text), _UNCLOSED, "R004")
        return _Matter(place, place, place, len(text))
    keys = _BARE_KEYS.match(text, place)
    if keys and re.search(r"^(?:name|description)[ \t]*:", keys[0], re.MULTILINE):
        closing = _BOUNDARY.match(text, keys.end())
        body = closing.end() if closing else keys.end()
        wrong = "front matter without its fences; put a line `---` before and after it"
        return _Matter(keys.start(), keys.end(), body, len(text), wrong)
    for later in _LATER.finditer(text):
        matter = _at(text, later.end())
        if matter and re.search(r"^description[ \t]*:", text[matter.start : matter.end], re.M):
            return replace(matter, wrong="front matter behind other text; put it at the top")
    return None


def _toml_matter(path: str, text: str, found: re.Match[str]) -> Document:
    """Front matter in TOML between `+++`, as some site generators have it."""
    inner = toml(path, "\n" + found[1], "")
    line = text.count("\n", 0, found.end()) + 1
    faults = tuple(replace(fault, severity="warning") for fault in inner.faults)
    return Document(inner.metadata, inner.lines, text[found.end() :], line, faults)


def toml(path: str, text: str, body: str) -> Document:
    """A file in TOML, whose text is what its key `body` holds."""
    import tomllib  # late: few libraries have such files

    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number too long is none of its own errors
        place = re.search(r"at line (\d+), column (\d+)", str(error))
        line, column = map(int, place.groups()) if place else (1, 1)
        fault = Fault(path, line, f"TOML: {error}", code="R005", column=column)
        return Document({}, {}, "", 1, (fault,))
    lines = dict.fromkeys(values, 1)
    for number, said in enumerate(text.split("\n"), start=1):
        key = said.partition("=")[0].strip().strip("\"'")
        if key in lines and lines[key] == 1:
            lines[key] = number
    return Document(values, lines, str(values.pop(body, "")), lines.get(body, 1), ())


def settings(path: str, text: str) -> tuple[dict[str, Any], tuple[Fault, ...]]:
    """A YAML file that must be a mapping, such as `project.yaml`."""
    metadata, _, faults = _mapping(path, text, 1, recover=False, lenient=False)
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
    except (_RefusedError, yaml.YAMLError) as error:
        return [], (_fault(path, 1, error),)
    except (ValueError, TypeError, OverflowError) as error:
        return [], (Fault(path, 1, f"has a value that is none: {error}"),)


def _mapping(
    path: str, raw: str, offset: int, *, recover: bool, lenient: bool
) -> tuple[dict[str, Any], dict[str, int], tuple[Fault, ...]]:
    try:
        values, positions = _load(raw)
    except (_RefusedError, yaml.YAMLError) as error:
        fault = _fault(path, offset, error)
        if recover and (lenient or isinstance(error, yaml.YAMLError)):
            told = (replace(fault, severity="warning"),)
            if found := _recover(path, raw, offset, lenient=lenient):
                values, lines, faults = found
                return values, lines, faults or told
            if lenient:
                return {}, {}, told
        return {}, {}, (fault,)
    return values, {key: offset + line for key, line in positions.items()}, ()


def _recover(
    path: str, raw: str, offset: int, *, lenient: bool
) -> tuple[dict[str, Any], dict[str, int], tuple[Fault, ...]] | None:
    """Parse each top-level key alone, keeping a refused value as its raw text.

    On 14,609 public files this recovers every description that YAML alone refuses.
    """
    starts = _key_starts(raw)
    if not starts or (raw[: starts[0]].strip() and not lenient):
        return None
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    faults: list[Fault] = []
    severity: Severity = "warning" if lenient else "error"
    parsed, line, before = 0, offset, 0
    for start, end in zip(starts, [*starts[1:], len(raw)], strict=True):
        block = raw[start:end]
        line += raw.count("\n", before, start)
        before = start
        written, _, rest = block.partition(":")
        key = written.strip().strip("\"'")
        if key in values:
            message = f"key `{key}` appears twice; keep one"
            faults.append(Fault(path, line, message, severity, "R008"))
            continue
        column = len(written) + 2 + len(rest) - len(rest.lstrip(" \t"))
        parsed += len(block)
        try:
            if parsed > MAX_YAML_CHARS:
                raise _too_long(parsed)
            value = _load(block)[0][key]
        except (_RefusedError, yaml.YAMLError) as error:
            if isinstance(error, _RefusedError) and error.code != "R005":
                at = line + error.line
                faults.append(Fault(path, at, str(error), severity, error.code, column))
                if not lenient or key not in TEXT_KEYS:
                    continue
            else:
                message = f"`{key}` is not valid YAML and was read as plain text; put it in quotes"
                faults.append(Fault(path, line, message, "warning", "R006", column))
            # A name has one line; what follows it is none of its own.
            value = raw_value(rest.partition("\n")[0] if key == "name" else rest)
        values[key], lines[key] = value, line
    return values, lines, tuple(faults)


def _key_starts(raw: str) -> list[int]:
    """Where each top-level key begins; lines within an `<example>` are none."""
    starts: list[int] = []
    depth, before, closed = 0, 0, raw.rfind("</example>")
    for match in _TOP_LEVEL_KEY.finditer(raw):
        start = match.start()
        depth += raw.count("<example>", before, start) - raw.count("</example>", before, start)
        before = start
        if depth <= 0 or start > closed:
            starts.append(start)
    return starts


def raw_value(written: str) -> str:
    """The text that was meant by a value that YAML refuses.

    >>> raw_value(' "say "hi" twice"'), raw_value(" 'Never closed"), raw_value(" >-\\n  a: b")
    ('say "hi" twice', 'Never closed', 'a: b')
    """
    text = " ".join(re.sub(r"^\s*[>|][+-]?\d?[ \t]*\n", "", written)[:MAX_RAW_CHARS].split())
    for mark in "\"'":
        closed = text.endswith(mark) or mark not in text[1:]
        if len(text) > 1 and text.startswith(mark) and closed:
            return text[1:].removesuffix(mark).strip()
    return text


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
            message = f"must be `key: value` lines, not a {kind}"
            raise _RefusedError(node.start_mark.line, message, "R005")
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
        raise _too_long(len(raw), most)
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
            message = f"key `{key.value}` appears twice; keep one"
            raise _RefusedError(key.start_mark.line, message, "R008")
        seen.add(key.value)


def _too_long(size: int, most: int = MAX_YAML_CHARS) -> _RefusedError:
    return _RefusedError(0, f"{size} characters of YAML; the limit is {most}")


def _fault(path: str, offset: int, error: _RefusedError | yaml.YAMLError) -> Fault:
    if isinstance(error, _RefusedError):
        return Fault(path, offset + error.line, str(error), code=error.code)
    mark = getattr(error, "problem_mark", None)
    problem = " ".join((getattr(error, "problem", None) or str(error)).split())
    line, column = (mark.line, mark.column + 1) if mark else (0, 1)
    return Fault(path, offset + line, f"YAML: {problem}", code="R005", column=column)
