"""A context into a budget of tokens: what matters least goes first, and what went is listed.

The task always stays whole. Then come the lines that say why and what the task touches; the rule's
prompts, the first one first; who the agent is and its quality gates; the rest of what it says; and
last its rules, which have done their work. Whole sections go, from the last up; only the
last that had to go is cut instead where some of it fits, at a place that its page allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from router.context import formats
from router.context.assembling import Assembler, Piece
from router.context.formats import Format
from router.context.parts import Part, Role
from router.errors import BudgetError

_RANKS = {
    "rationale": 0, "escalation": 0, "prompt": 1, "missing": 1, "agent": 2, "gates": 2,
    "selection": 4,
}  # fmt: skip
_OTHER = 3


@dataclass(frozen=True, slots=True)
class Dropped:
    """What a budget had no room for: sections of one file that follow each other, or one part.

    `titles` are those of the sections; the first may have been cut and not dropped whole, which
    `cut` says.
    """

    role: Role
    titles: tuple[str, ...]
    tokens: int
    source: str = ""
    lines: tuple[int, int] | None = None
    cut: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {
            "role": self.role,
            "titles": list(self.titles),
            "source": self.source,
            "lines": self.lines and list(self.lines),
            "tokens": self.tokens,
            "cut": self.cut,
        }


@dataclass(frozen=True, slots=True)
class Budget:
    """The tokens that a context in one format may have and has, and who counted them."""

    limit: int
    used: int
    format: Format
    counter: str

    def to_dict(self) -> dict[str, Any]:
        return {
            "limit": self.limit,
            "used": self.used,
            "format": self.format,
            "counter": self.counter,
        }


@dataclass(frozen=True, slots=True)
class _Choice:
    """Of each piece so many sections, and of the one that is cut, up to a stop of it."""

    kept: tuple[int, ...]
    tokens: int
    cut: int = -1
    stop: int = -1


def fit(
    pieces: Sequence[Piece],
    assembler: Assembler,
    format: Format,
    limit: int,
) -> tuple[tuple[Part, ...], Budget, tuple[Dropped, ...]]:
    """The parts that fit, the budget with what they use of it, and what was dropped.

    The estimate's sums are exact or a little too high. Other counters' are not, nor any for JSON:
    there the whole is counted, and the aim lowered until it fits.

    Raises `BudgetError` where the task alone does not fit.
    """
    search = _Search(pieces, assembler, format)
    sums = assembler.estimates and format != "json"
    choice = search.everything()
    used = choice.tokens if sums else search.measure(choice)
    aim = limit
    while used > limit:
        choice = search.largest(aim)
        alone = not any(choice.kept[:-1]) and choice.cut < 0
        used = choice.tokens if sums and not alone else search.measure(choice)
        if used > limit and alone:
            raise BudgetError(limit, used)
        aim = min(aim, choice.tokens) - max(1, used - limit)
    counter = "estimate" if assembler.estimates else _name(assembler.count)
    return search.parts(choice), Budget(limit, used, format, counter), search.dropped(choice)


class _Search:
    """What can be left of some pieces, and what that costs. The last piece is the task."""

    def __init__(self, pieces: Sequence[Piece], assembler: Assembler, format: Format) -> None:
        self._pieces = pieces
        self._assembler = assembler
        self._format = format
        frame = formats.FRAMES["xml" if format == "xml" else "markdown"]
        self._frame = frame
        self._sizes = [piece.sizes or (piece.part.tokens,) for piece in pieces]
        # (place, number) of each section that may go, what matters most first.
        self._order = sorted(
            (
                (place, number)
                for place, sizes in enumerate(self._sizes[:-1])
                for number in range(len(sizes))
            ),
            key=lambda unit: (_RANKS.get(pieces[unit[0]].part.role, _OTHER), *unit),
        )
        task = pieces[-1].part
        # In a chat the task is a message of its own, with nothing around it.
        around = () if format in ("openai", "anthropic") else frame(task, None)
        self._task = task.tokens + sum(map(assembler.count, around))

    def everything(self) -> _Choice:
        return self._first(len(self._order))

    def largest(self, aim: int) -> _Choice:
        """The most that costs no more than `aim`; the task alone where nothing does."""
        low, high = 0, len(self._order)
        while low < high:
            middle = (low + high + 1) // 2
            if self._first(middle).tokens <= aim:
                low = middle
            else:
                high = middle - 1
        choice = self._first(low)
        return (
            self._with_some_of(choice, *self._order[low], aim) if low < len(self._order) else choice
        )

    def _first(self, count: int) -> _Choice:
        """Keeps the `count` sections that matter most."""
        kept = [0] * len(self._pieces)
        for place, _ in self._order[:count]:
            kept[place] += 1
        kept[-1] = 1
        return _Choice(tuple(kept), self._cost(kept))

    def _with_some_of(self, choice: _Choice, place: int, number: int, aim: int) -> _Choice:
        """The choice with as much of one more section as fits."""
        piece = self._pieces[place]
        if not piece.sections:
            return choice
        kept = list(choice.kept)
        kept[place] += 1
        around = self._cost(kept) - self._sizes[place][number]
        found = choice
        for stop in range(len(piece.sections[number].stops) - 1):
            tokens = around + self._up_to(piece, number, stop)
            if tokens > aim:
                break
            found = _Choice(choice.kept, tokens, place, stop)
        return found

    def _up_to(self, piece: Piece, number: int, stop: int) -> int:
        """The tokens of a section up to one of its stops, with the break before it."""
        section = piece.sections[number]
        if self._assembler.estimates:
            return section.stops[stop].tokens
        start = piece.sections[number - 1].last.end if number else section.start
        return self._assembler.counted(piece.page[start : section.stops[stop].end])

    def _cost(self, kept: Sequence[int]) -> int:
        total = self._task
        before: Part | None = None
        for piece, sizes, count in zip(self._pieces[:-1], self._sizes, kept, strict=False):
            if count:
                total += sum(sizes[:count])
                total += sum(map(self._assembler.counted, self._frame(piece.part, before)))
                before = piece.part
        return total

    def measure(self, choice: _Choice) -> int:
        """What the choice really costs, all of it counted."""
        texts = formats.contents(self.parts(choice), self._format)
        return sum(self._assembler.count(text) for text in texts if text)

    def parts(self, choice: _Choice) -> tuple[Part, ...]:
        found = []
        for place, piece in enumerate(self._pieces):
            stop = choice.stop if place == choice.cut else -1
            count = choice.kept[place]
            if stop >= 0:
                found.append(self._shortened(piece, self._sizes[place], count, stop))
            elif count == len(self._sizes[place]):
                found.append(piece.part)
            elif count:
                sizes = self._sizes[place]
                found.append(self._shortened(piece, sizes, count - 1, -1))
        return tuple(found)

    def _shortened(self, piece: Piece, sizes: Sequence[int], number: int, stop: int) -> Part:
        """The piece up to a stop of its section `number`."""
        end = piece.sections[number].stops[stop]
        tokens = sizes[number] if stop < 0 else self._up_to(piece, number, stop)
        first = piece.sections[0]
        return replace(
            piece.part,
            text=piece.page[first.start : end.end],
            tokens=sum(sizes[:number]) + tokens,
            lines=(first.line, end.line),
        )

    def dropped(self, choice: _Choice) -> tuple[Dropped, ...]:
        """What is not in the choice; neighbours in a file together."""
        found: list[Dropped] = []
        before = ""  # the page whose last section has just gone
        for place, piece in enumerate(self._pieces):
            count = choice.kept[place]
            sizes = self._sizes[place]
            stop = choice.stop if place == choice.cut else -1
            page = piece.part.source if piece.sections else ""
            if count == len(sizes):
                before = ""
                continue
            gone = self._gone(piece, sizes, count, stop)
            if page and page == before and not count and stop < 0:
                gone = _joined(found.pop(), gone)
            found.append(gone)
            before = page
        return tuple(found)

    def _gone(self, piece: Piece, sizes: Sequence[int], count: int, stop: int) -> Dropped:
        """What is missing of a piece of which `count` sections stayed, or one more up to `stop`."""
        part = piece.part
        tokens = sum(sizes[count:])
        if not piece.sections:
            return Dropped(part.role, (part.title,), tokens, part.source, part.lines)
        sections = piece.sections[count:]
        first = sections[0].line
        if stop >= 0:
            tokens -= self._up_to(piece, count, stop)
            first = sections[0].stops[stop].line
        titles = tuple(section.title or part.title for section in sections)
        lines = (first, sections[-1].last.line)
        return Dropped(part.role, titles, tokens, part.source, lines, cut=stop >= 0)


def _joined(one: Dropped, other: Dropped) -> Dropped:
    """Two that follow each other in a page, as one."""
    return replace(
        one,
        titles=one.titles + other.titles,
        tokens=one.tokens + other.tokens,
        lines=one.lines and other.lines and (one.lines[0], other.lines[1]),
    )


def _name(count: object) -> str:
    return str(getattr(count, "__qualname__", type(count).__name__))
