"""Decisions, libraries, lessons and evaluations as tables and lines; nothing prints here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from router.decision import Decision
from router.errors import printable
from router.evaluation import Report
from router.explanation import NOT_WHEN, Explanation, Say
from router.flip import Flip, Margin
from router.learning import Lesson
from router.records import Route

MAX_TASK_CHARS = 100
MAX_FOR, MAX_AGAINST = 5, 3
"""Words shown for and against a candidate."""

MAX_FIELDS = 3
"""Fields shown of a word; more tell no more."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header, for the command line to draw."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def plain(self) -> str:
        """Tab-separated, the header first: for `cut`, `sort` and spreadsheets."""
        return "\n".join("\t".join(row) for row in (self.columns, *self.rows))


def explanation_lines(explanations: Sequence[Explanation], width: int) -> list[str]:
    """A block for each candidate: a heading, the words for it and those against it.

    No line is longer than `width` where a single entry is not. A weight that rounds to 0.00 is
    left out.
    """
    longest = max((len(e.candidate.route) for e in explanations), default=0)
    lines: list[str] = []
    for explained in explanations:
        best = explained.candidate
        lines.append(
            f"{explained.rank}  {best.route:{longest}}  {best.confidence:.2f}"
            f"  score {best.score:.3f}"
        )
        spoken = [_entry(s.word, s.lift, _found(s)) for s in explained.speaks_for if _tells(s.lift)]
        lines += _wrapped("for", spoken[:MAX_FOR], width)
        against = [s for s in explained.speaks_against if _tells(s.loss)]
        entries = [
            _entry(s.word, s.loss, NOT_WHEN if NOT_WHEN in s.fields and s.lift < 0.0 else "")
            for s in against
        ]
        lines += _wrapped("against", entries[:MAX_AGAINST], width)
    return lines


def margin_line(margin: Margin | None, decision: Decision) -> str:
    """What the route that is nearest to winning lacks."""
    if margin is None:
        return "margin: there is no other route"
    if not margin.score:
        return f"margin: {margin.route} is taken as it is"
    end = "be taken" if decision.abstained else "win"
    return (
        f"margin: {margin.route} lacks {_up(margin.score)} of score"
        f" ({_up(margin.confidence)} of confidence) to {end}"
    )


def flip_line(flip: Flip, decision: Decision) -> str:
    """The edit that was found, or what was tried in vain."""
    edit = flip.edit
    if edit:
        where = f"{edit.field} of {edit.target.id} ({printable(edit.source)})"
        verb = "is taken" if decision.abstained else "wins"
        return f'add "{edit.words}" to the {where} and it {verb} with {edit.confidence:.2f}'
    if flip.tried:
        words = ", ".join(f'"{words}"' for words in dict.fromkeys(said for said, _ in flip.tried))
        routes = " or ".join(dict.fromkeys(route for _, route in flip.tried))
        return f"no single edit tried does it: {words} in the When of {routes}"
    if flip.margin is None or not flip.margin.score:
        return "there is nothing to change"
    if decision.outcome == "no-evidence":
        return "no word is known, so no rule is near; name one with --to agent/rule"
    return f"the task has no word to add to the When of {flip.margin.route}"


def _entry(word: str, weight: float, found: str) -> str:
    sign = "−" if weight < 0.0 else "+"
    return f"{printable(word)} {sign}{abs(weight):.2f}" + (f" ({found})" if found else "")


def _found(said: Say) -> str:
    """Where a word for a route stands, else how it speaks."""
    fields = [field for field in said.fields if field != NOT_WHEN]
    if fields:
        more = ["…"] if len(fields) > MAX_FIELDS else []
        return ", ".join(fields[:MAX_FIELDS] + more)
    if said.channel == "spelling" and said.near:
        return f"like “{printable(said.near.word)}” in {said.near.field}"
    return {"meaning": "by meaning", "spelling": "by spelling"}.get(said.channel, "")


def _tells(weight: float) -> bool:
    return abs(weight) >= 0.005


def _up(value: float) -> str:
    """Rounded up: what is missing must not look like less."""
    return f"{ceil(value * 100) / 100:.2f}"


def _wrapped(label: str, entries: Sequence[str], width: int) -> list[str]:
    """The entries behind a label, broken between them."""
    lines: list[str] = []
    for entry in entries:
        if lines and len(lines[-1]) + len(entry) + 3 <= width:
            lines[-1] += f", {entry}"
        elif lines:
            lines[-1] += ","
            lines.append(f"{'':12}{entry}")
        else:
            lines.append(f"   {label:7}  {entry}")
    return lines


def rules_table(routes: Sequence[Route]) -> Table:
    """Every route, its prompts and the place where its rule is written."""
    return Table(
        columns=("route", "prompts", "source"),
        rows=tuple(
            (
                route.id,
                " + ".join(
                    link.path or f"{printable(link.target)} (missing)" for link in route.rule.use
                ),
                f"{route.agent.path}:{route.rule.line}",
            )
            for route in routes
        ),
    )


def rates_table(report: Report) -> Table:
    """Every rate of an evaluation with its interval."""
    rows = []
    for name, rate in report.rates.items():
        low, high = rate.interval
        value = f"{rate.value:.3f}" if rate.total else "–"
        rows.append((name, value, f"{low:.3f}–{high:.3f}", f"{rate.hits}/{rate.total}"))
    return Table(("", "rate", "95 %", "cases"), tuple(rows))


def misses_table(report: Report) -> Table:
    """Every miss: what was expected, what won instead, by how much and why."""
    rows = []
    for result in report.misses:
        best = result.decision.candidates[0]
        gap = ""
        if result.rank is not None:
            expected = result.decision.candidates[result.rank - 1]
            gap = f"{best.score - expected.score:+.3f}" if result.rank > 1 else "first"
        rows.append(
            (
                str(result.case.line),
                _short(result.case.task),
                result.case.expect or "none",
                result.taken or f"none ({result.decision.outcome})",
                gap,
                ", ".join(printable(evidence.word) for evidence in best.evidence[:3]),
            )
        )
    columns = ("line", "task", "expected", "taken", "lead", "words of the first")
    return Table(columns, tuple(rows))


def lesson_line(lesson: Lesson) -> str:
    """What was learned, where it stands, and what it overrides."""
    verb = "known" if lesson.known else "learned"
    labelled, other = lesson.labelled, lesson.instead_of
    instead = f", instead of {other.label} ({other.source})" if other else ""
    line = f'{verb}: "{_short(labelled.task)}" → {labelled.label} ({labelled.source}){instead}'
    return printable(line)


def before_line(lesson: Lesson, decision: Decision) -> str:
    """How the task was routed before the lesson."""
    taken = tuple(candidate.route for candidate in decision.matches)
    return f"{'already so' if taken == lesson.labelled.expect else 'until now'}: {decision.line}"


def _short(task: str) -> str:
    line = printable(" ".join(task.split()))
    return line if len(line) <= MAX_TASK_CHARS else line[: MAX_TASK_CHARS - 1] + "…"
