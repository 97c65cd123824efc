"""A page's text to its sections, and the places where each may be cut without breaking anything.

A cut is at the end of a top-level block, of a list item or of a sentence: never within a code
fence, a table or an HTML block.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from router.library.records import Hint, Page, Section, SectionRole, Stop, Trigger
from router.library.rules import SELECTION, headings, plain
from router.library.tokens import estimate

# Tables are no CommonMark: without them a table would be a paragraph.
_BLOCKS = MarkdownIt("commonmark").enable("table").disable(["inline", "text_join"])

_RECOGNISED: tuple[tuple[str, SectionRole], ...] = (
    (SELECTION, "selection"),
    ("checklist", "checklist"),
    ("quality gate", "gates"),
    ("escalat", "triggers"),
    ("common patterns", "patterns"),
)
_WHO = re.compile(
    r"(?:(?:your|core|key|main) )?(?:role|responsibilities)(?: and responsibilities)?"
)
# Spaces of one line only: a run of empty lines would be scanned from each of them.
_WHO_LABEL = re.compile(
    r"^[^\w\n]*(?:Role|(?:Core )?Responsibilities)\s*(?::\*\*|\*\*:)", re.MULTILINE
)
_BOX = re.compile(r"^[^\S\n]*(?:[-*+]|\d+[.)])\s+\[[ xX]\]\s", re.MULTILINE)
_SENTENCE_END = re.compile(r"""[.!?…]["'”’)\]*_]*(?=\s+["'“‘(\[*_`]*[A-Z0-9])|[。！？]""")
_LABELLED = re.compile(r"\*\*(?P<title>.+?)\s*:?\*\*\s*:?\s*(?P<text>.*)", re.DOTALL)
_STEP = re.compile(
    r"\s*(?:(?:→|->|=>)\s*)?\**(?P<name>Pattern|Decompose|Context|Validation)\**\s*:\**\s*(?P<value>.*)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Lines of a page, 0-based, `last` exclusive, that are one section."""

    role: SectionRole
    title: str
    first: int
    last: int


def read_page(text: str, lines: Sequence[int], *, agent: bool) -> Page:
    """The sections of a page; of an agent's also its escalation triggers and patterns.

    `lines[i]` is the line of its file that line `i` of `text` came from. The sections of a prompt
    count the break before them, for they are handed on together; an agent's stand alone.

    >>> page = read_page("# A\\nOne.\\n## B\\nTwo. Three.", range(1, 5), agent=False)
    >>> [(s.title, s.line, [stop.tokens for stop in s.stops]) for s in page.sections]
    [('A', 1, [5]), ('B', 3, [6, 8])]
    """
    rows = text.split("\n")
    starts = list(accumulate((len(row) + 1 for row in rows), initial=0))
    tokens = [token for token in _BLOCKS.parse(text) if token.map]
    places = [_first(token) for token in tokens]  # in rising order
    stops = sorted(set(_stops(tokens, text, starts)))
    found: list[Section] = []
    triggers: list[Trigger] = []
    hints: list[Hint] = []
    before = 0
    for stretch in _stretches(rows, headings(text), agent=agent):
        start = starts[stretch.first]
        end = start + len(text[start : starts[stretch.last]].rstrip())
        ends = [*stops[bisect_right(stops, start) : bisect_left(stops, end)], end]
        counted = pairwise([start if agent else before, *ends])
        counts = accumulate(estimate(text[one:other]) for one, other in counted)
        section_stops = tuple(
            Stop(stop, count, lines[bisect_right(starts, stop) - 1])
            for stop, count in zip(ends, counts, strict=True)
        )
        line = lines[stretch.first]
        found.append(Section(stretch.role, stretch.title, start, line, section_stops))
        before = end
        span = slice(bisect_left(places, stretch.first), bisect_left(places, stretch.last))
        if stretch.role == "triggers":
            triggers += _triggers(tokens[span], lines)
        elif stretch.role == "patterns":
            hints += _hints(tokens[span], stretch.title)
    return Page(tuple(found), tuple(triggers), tuple(hints))


def _first(token: Token) -> int:
    return token.map[0] if token.map else 0


def _stretches(
    rows: Sequence[str], heads: Sequence[tuple[str, int, int]], *, agent: bool
) -> list[_Stretch]:
    """The sections in order, of all lines; a heading with nothing below it joins the next."""
    first_head = heads[0][2] if heads else len(rows)
    if not heads or any(row.strip() for row in rows[:first_head]):
        heads = [("", 0, 0), *heads]
    found: list[_Stretch] = []
    number = 0
    pending: int | None = None
    while number < len(heads):
        title, level, first = heads[number]
        number += 1
        role = _recognised(title) if agent else None
        while role and number < len(heads) and heads[number][1] > level:
            number += 1
        last = heads[number][2] if number < len(heads) else len(rows)
        bare = level and not any(row.strip() for row in rows[first + 1 : last])
        if bare and not role and number < len(heads) and heads[number][1] > level:
            pending = first if pending is None else pending
            continue
        start = first if pending is None else pending
        body = "\n".join(rows[first:last])
        found.append(_Stretch(role or _role(title, body, agent=agent), title, start, last))
        pending = None
    if agent:
        found = _introduced(found)
    return found


def _recognised(title: str) -> SectionRole | None:
    said = plain(title)
    return next((role for words, role in _RECOGNISED if words in said), None)


def _role(title: str, body: str, *, agent: bool) -> SectionRole:
    if not agent:
        return "prompt"
    if _WHO.fullmatch(plain(title)) or _WHO_LABEL.search(body):
        return "agent"
    return "checklist" if len(_BOX.findall(body)) > 1 else "section"


def _introduced(found: list[_Stretch]) -> list[_Stretch]:
    """What comes before the sections that say who the agent is belongs to them, at least one."""
    places = [place for place, stretch in enumerate(found) if stretch.role == "agent"]
    first = places[0] if places else 0
    return [
        _Stretch("agent", s.title, s.first, s.last) if place <= first and s.role == "section" else s
        for place, s in enumerate(found)
    ]


def _stops(tokens: Sequence[Token], text: str, starts: Sequence[int]) -> Iterator[int]:
    """Where the text may end: after each top-level block, item and sentence, but no heading."""
    for token in tokens:
        top = token.level == 0 and token.type != "heading_open"
        if not token.map or not (top or (token.type == "list_item_open" and token.level == 1)):
            continue
        start = starts[token.map[0]]
        block = text[start : starts[token.map[1]]].rstrip()
        yield start + len(block)
        if token.type == "paragraph_open" and not block.lstrip().startswith("|"):
            yield from (start + end for end in _sentence_ends(block))


def _sentence_ends(paragraph: str) -> Iterator[int]:
    """Where its sentences end, but for those within code."""
    ticks = place = 0
    for match in _SENTENCE_END.finditer(paragraph):
        ticks += paragraph.count("`", place, match.end())
        place = match.end()
        if ticks % 2 == 0:
            yield place


def _triggers(tokens: Sequence[Token], lines: Sequence[int]) -> Iterator[Trigger]:
    item = False
    for token in tokens:
        if token.type == "list_item_open" and token.level == 1:
            item = True
        elif token.type == "inline" and item:
            item = False
            said = " ".join(token.content.split())
            match = _LABELLED.fullmatch(said)
            title, text = (match["title"], match["text"]) if match else (said, "")
            yield Trigger(title, text, lines[_first(token)])


def _hints(tokens: Sequence[Token], title: str) -> Iterator[Hint]:
    steps: dict[str, str] = {}
    for before, token in pairwise(tokens):
        if token.type != "inline":
            continue
        heading = before.type == "heading_open"
        matches = [_STEP.match(row) for row in ([] if heading else token.content.split("\n"))]
        for match in filter(None, matches):
            name = match["name"].casefold()
            if name == "pattern" and "pattern" in steps:
                yield _hint(title, steps)
                steps = {}
            steps[name] = match["value"].strip()
        if heading:
            if "pattern" in steps:
                yield _hint(title, steps)
            title, steps = token.content.strip(), {}
    if "pattern" in steps:
        yield _hint(title, steps)


def _hint(title: str, steps: dict[str, str]) -> Hint:
    return Hint(
        title,
        steps["pattern"].strip('"“”'),
        tuple(filter(None, map(str.strip, steps.get("decompose", "").split(" + ")))),
        tuple(filter(None, map(str.strip, steps.get("context", "").split(",")))),
        steps.get("validation", ""),
    )
