"""What a page is made of, and where it may be cut: never inside what belongs together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from router.library.pages import read_page
from router.library.records import Page
from router.library.tokens import estimate

PARSER = MarkdownIt("commonmark").enable("table")


def page_of(text: str, *, agent: bool = False) -> Page:
    return read_page(text, range(1, text.count("\n") + 2), agent=agent)


def cuts(text: str) -> list[str]:
    """The text up to each place where it may end."""
    return [text[: stop.end] for section in page_of(text).sections for stop in section.stops]


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("One. Two! Three?", ["One.", "One. Two!", "One. Two! Three?"]),
        ("Two\nlines. Then more.", ["Two\nlines.", "Two\nlines. Then more."]),
        ("See e.g. this one.", ["See e.g. this one."]),
        ('"Stop." He said so.', ['"Stop."', '"Stop." He said so.']),
        ("Run `a. B` now. Done.", ["Run `a. B` now.", "Run `a. B` now. Done."]),
        ("一。二。", ["一。", "一。二。"]),
        ("- a. B\n- c\n  - d", ["- a. B", "- a. B\n- c\n  - d"]),
        ("```\nA. B\n\nC. D\n```", ["```\nA. B\n\nC. D\n```"]),
        ("| A. B |\n|---|\n| C. D |", ["| A. B |\n|---|\n| C. D |"]),
        ("| A. B |\n| no table. D |", ["| A. B |\n| no table. D |"]),
        ("<div>\nA. B\n</div>", ["<div>\nA. B\n</div>"]),
        ("> A. B\n> C. D", ["> A. B\n> C. D"]),
        ("    A. B\n    C. D", ["    A. B\n    C. D"]),
        ("# T\n\nA.", ["# T\n\nA."]),
        ("1. a\n\n   ```\n   b\n   ```\n2. c", ["1. a\n\n   ```\n   b\n   ```", "1. a\n\n   ```\n   b\n   ```\n2. c"]),
    ],
)  # fmt: skip
def test_where_a_page_may_be_cut(text: str, ends: list[str]) -> None:
    assert cuts(text) == ends


AGENT = """# Pilot

**Role**: Pilot

## Dynamic Prompt Selection

### Ship
**When**: x

## Work

### Pre-Flight Checklist
- [ ] tide

### How
Look.

### Done when
- [ ] a
- [x] b

## Quality Gates
- whole

## Common Patterns

### Night
Pattern: "Ship at night"
→ Decompose: lights + watch
→ Context: logs/*.md, `crew.md`
→ Validation: dawn
### Day
- **Pattern**: Ship by day
```
Pattern: code
```

## When to Escalate
- **Storm warning**: Wait for
  the master
- **Fire:** Call
- ice

## Metrics
fast
"""


def test_an_agents_sections_are_recognised() -> None:
    page = page_of(AGENT, agent=True)
    assert [(s.role, s.title, s.line, s.last.line) for s in page.sections] == [
        ("agent", "Pilot", 1, 3),
        ("selection", "Dynamic Prompt Selection", 5, 8),
        ("checklist", "Pre-Flight Checklist", 10, 13),
        ("section", "How", 15, 16),
        ("checklist", "Done when", 18, 20),
        ("gates", "Quality Gates", 22, 23),
        ("patterns", "Common Patterns", 25, 36),
        ("triggers", "When to Escalate", 38, 42),
        ("section", "Metrics", 44, 45),
    ]


def test_triggers_and_patterns_are_read() -> None:
    page = page_of(AGENT, agent=True)
    assert page.triggers == (
        ("Storm warning", "Wait for the master", 39),
        ("Fire", "Call", 41),
        ("ice", "", 42),
    )
    assert page.hints == (
        ("Night", "Ship at night", ("lights", "watch"), ("logs/*.md", "`crew.md`"), "dawn"),
        ("Day", "Ship by day", (), (), ""),
    )


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("Just text.", ["agent"]),
        ("# A\n\nx\n\n## B\n\ny", ["agent", "section"]),
        ("Hello\n\n# Role\n\nx\n\n# B\n\ny", ["agent", "agent", "section"]),
        ("# Quality gates\n\nx", ["gates"]),
        ("# Dynamic Prompt Selection\n\n## R\n\nx\n\n# B\n\ny", ["selection", "section"]),
        ("# Empty\n\n## Also\n\n### Full\n\nx", ["agent"]),
        ("# Last\n\nx\n\n## Empty", ["agent", "section"]),
        ("", ["agent"]),
    ],
)
def test_every_page_has_its_sections(text: str, roles: list[str]) -> None:
    assert [section.role for section in page_of(text, agent=True).sections] == roles


MARKDOWN = st.lists(
    st.sampled_from(
        ["# A", "## B", "One. Two.", "- x", "  y", "```", "| a | b |", "|---|---|", "> q", "", "", "<div>"]
    ),
    min_size=1,
).map("\n".join)  # fmt: skip


@given(MARKDOWN)
def test_no_cut_opens_or_splits_a_block(text: str) -> None:
    """Up to a cut the page has the blocks that the whole one has; only the last may be shorter."""
    blocks = [(t.type, t.content) for t in PARSER.parse(text) if t.type in ("fence", "html_block")]
    tables = sum(t.type == "tr_open" for t in PARSER.parse(text))
    for cut in cuts(text):
        found = [
            (t.type, t.content) for t in PARSER.parse(cut) if t.type in ("fence", "html_block")
        ]
        whole = [(kind, content.rstrip()) for kind, content in blocks]
        assert [(kind, content.rstrip()) for kind, content in found] == whole[: len(found)]
        rows = sum(t.type == "tr_open" for t in PARSER.parse(cut))
        assert rows <= tables


@given(MARKDOWN)
def test_sections_count_what_their_text_has(text: str) -> None:
    text = text.strip("\n")
    sections = page_of(text).sections
    assert sections[-1].last.end == len(text.rstrip())
    for agent in (False, True):
        before = 0
        for section in page_of(text, agent=agent).sections:
            start = section.start if agent else before
            for stop in section.stops:
                assert stop.tokens == estimate(text[start : stop.end])
            before = section.last.end
