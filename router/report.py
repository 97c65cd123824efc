"""Decisions, libraries, lessons and evaluations as tables and lines; nothing prints here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from router.decision import Decision
from router.errors import printable
from router.evaluation import Report
from router.learning import Lesson
from router.records import Route

MAX_TASK_CHARS = 100


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header, for the command line to draw."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def plain(self) -> str:
        """Tab-separated, the header first: for `cut`, `sort` and spreadsheets."""
        return "\n".join("\t".join(row) for row in (self.columns, *self.rows))


def candidates_table(decision: Decision) -> Table:
    """The candidates of a decision and the words that spoke for each."""
    return Table(
        columns=("route", "confidence", "score", "words"),
        rows=tuple(
            (
                candidate.route,
                f"{candidate.confidence:.2f}",
                f"{candidate.score:.3f}",
                ", ".join(f"{printable(e.word)} +{e.weight:.2f}" for e in candidate.evidence),
            )
            for candidate in decision.candidates
        ),
    )


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
                " + ".join(result.case.expect) or "none",
                " + ".join(result.taken) or f"none ({result.decision.outcome})",
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
