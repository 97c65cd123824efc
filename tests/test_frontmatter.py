"""Front matter is read whole or faulted: nothing that stands in it disappears."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from router.library import frontmatter
from router.library.frontmatter import MAX_YAML_CHARS, decode, split

WILD = Path(__file__).parent / "front-matter.jsonl"

KEYS = st.from_regex(r"[a-z][a-z_-]{0,8}", fullmatch=True)
VALUES = st.one_of(
    st.text(
        alphabet=st.characters(codec="utf-8", exclude_characters="\0\r\x85\u2028\u2029"),
        max_size=40,
    ),
    st.booleans(),
    st.integers(-1000, 1000),
    st.lists(st.from_regex(r"[a-zA-Z]{1,6}", fullmatch=True), max_size=3),
)


@given(st.dictionaries(KEYS, VALUES, max_size=5), st.text(alphabet="ab-\n# ", max_size=30))
def test_what_yaml_wrote_is_read_back(metadata: dict[str, object], body: str) -> None:
    dumped = yaml.safe_dump(metadata, allow_unicode=True)
    document = split("a.md", f"---\n{dumped}---\n{body}")
    assert document.faults == ()
    expected = {
        key: _written(dumped, key, value) if key in frontmatter.TEXT_KEYS else value
        for key, value in metadata.items()
    }
    assert document.metadata == expected
    assert document.body.strip() == body.strip()


def _written(dumped: str, key: str, value: object) -> object:
    return value if isinstance(value, str | list) else str(value).lower()


@pytest.mark.parametrize(
    "row", WILD.read_text().splitlines(), ids=lambda row: json.loads(row)["cause"]
)
def test_what_yaml_refuses_is_recovered_key_by_key(row: str) -> None:
    case = json.loads(row)
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load(case["yaml"])
    document = split("a.md", f"---\n{case['yaml']}\n---\nbody")
    assert document.metadata == case["metadata"]
    assert [fault.severity for fault in document.faults] == ["warning"] * case["warnings"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("---\nname: a\n", 1, "front matter is never closed"),
        ("---\n- a\n---\n", 2, "must be `key: value` lines, not a list"),
        ("---\njust words\n---\n", 2, "must be `key: value` lines, not a single value"),
        ("---\na: 1\nb: 2\na: 3\n---\n", 4, "key `a` appears twice"),
        ("---\na:\n  b: 1\n  b: 2\n---\n", 4, "key `b` appears twice"),
        ("---\na: &x 1\nb: *x\n---\n", 3, "uses a YAML alias"),
        ("---\na:\n  <<: {b: 1}\n---\n", 3, "uses a YAML merge"),
        ("---\na: " + "[" * 50_000 + "\n---\n", 2, "is nested deeper than 20 levels"),
        ("---\na: " + "x" * MAX_YAML_CHARS + "\n---\n", 1, "characters of YAML; the limit is"),
        ("---\n[a, b]: 1\n---\n", 2, "has a key that is not a word"),
        ("---\ndate: 2026-13-45\n---\n", 2, "has a value that is none"),
        ("---\na: !!python/object:os.system x\n---\n", 2, "uses a YAML tag"),
        ("---\na: !!int ''\n---\n", 2, "uses a YAML tag"),
        ('---\na: "\\ud800"\n---\n', 2, "has an escape that is no character"),
        ('---\na: "\\0"\n---\n', 2, "has an escape that is no character"),
        ('---\na: "\\Uffffffff"\n---\n', 1, "has an escape that is no character"),
        ("---\na: 0x" + "f" * 6000 + "\n---\n", 2, "has a number of 6002 digits"),
        ("---\nbroken: [\n:\n---\n", 2, "was read as plain text"),
    ],
)
def test_refuses_with_a_line(text: str, line: int, message: str) -> None:
    fault = split("a.md", text).faults[0]
    assert (fault.line, message in fault.message) == (line, True), fault


@pytest.mark.parametrize(
    ("text", "metadata", "body", "body_line"),
    [
        ("no front matter", {}, "no front matter", 1),
        ("", {}, "", 1),
        ("---\n---\nbody", {}, "\nbody", 2),
        ("---\nname: no\n---\nbody", {"name": "no"}, "\nbody", 3),
        ("---\nname: 007\n---\n", {"name": "007"}, "", 4),
        ("---\nname:\n---\n", {"name": ""}, "", 4),
        ("---\nname: a\n---\ntext\n---\nmore", {"name": "a"}, "\ntext\n---\nmore", 3),
        ("---\non: push\n---\n", {"on": "push"}, "", 4),
        ("---\nalwaysApply: true\n---\n", {"alwaysApply": True}, "", 4),
        ("# title\n---\nname: a\n---\n", {}, "# title\n---\nname: a\n---\n", 1),
    ],
)
def test_shapes(text: str, metadata: dict[str, object], body: str, body_line: int) -> None:
    document = split("a.md", text)
    assert (document.metadata, document.body, document.body_line) == (metadata, body, body_line)
    assert document.faults == ()


@pytest.mark.parametrize(
    ("data", "text", "message"),
    [
        (b"a\r\nb\rc\n", "a\nb\nc\n", None),
        (b"\xef\xbb\xbfa", "a", "a.md:1: warning: starts with a byte order mark"),
        (b"a\n\xff", "", "a.md:2: not UTF-8 at byte 2; save the file as UTF-8"),
        (b"a\nb\n\0", "", "a.md:3: contains a NUL byte; remove it"),
    ],
)
def test_decoding(data: bytes, text: str, message: str | None) -> None:
    found, faults = decode("a.md", data)
    assert found == text
    assert [str(fault)[: len(message or "")] for fault in faults] == ([message] if message else [])
