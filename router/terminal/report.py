"""Decisions, libraries, lessons and evaluations as tables and lines; nothing prints here."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isnan
from typing import TYPE_CHECKING

from router.context.fitting import Dropped
from router.context.parts import Context
from router.decision.deciding import Decision
from router.decision.explanation import NOT_WHEN, Explanation, Say
from router.decision.flip import Flip, Margin
from router.errors import printable
from router.evaluation.measuring import Rate, Report, Result
from router.library.formats import OWN
from router.library.learning import Lesson
from router.library.records import Route
from router.library.tokens import estimate
from router.model.calibration import Calibration

if TYPE_CHECKING:
    from router.evaluation.comparing import Paired
    from router.evaluation.crossvalidation import Comparison, Leak
    from router.evaluation.metrics import Figure, Metrics
    from router.evaluation.overlap import Map
    from router.evaluation.tuning import Point, Tuning
    from router.library.settings import Saved

MAX_TASK_CHARS = 100
STOLEN_CHARS = 84
"""With what stands before it, 96 columns."""

MAX_FOR, MAX_AGAINST = 5, 3
"""Words shown for and against a candidate."""

MAX_FIELDS = 3
"""Fields shown of a word; more tell no more."""

CURVE_ROWS = 13

MAX_RULES, MAX_CONFUSIONS = 30, 8
"""Shown of those with the most mistakes."""

MAX_LEAKS = 20
"""Told one by one."""


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
    """Every route, its prompts and the place where its rule is written; its format where any is
    not of our own."""
    foreign = any(route.agent.format != OWN.name for route in routes)
    rows = []
    for route in routes:
        bundle = " + ".join(
            link.path or f"{printable(link.target)} (missing)" for link in route.rule.bundle
        )
        kind = (route.agent.format,) if foreign else ()
        rows.append((route.id, *kind, bundle, f"{route.agent.path}:{route.rule.line}"))
    columns = ("route", *(("format",) if foreign else ()), "prompts", "source")
    return Table(columns, tuple(rows))


def overlap_lines(found: Map) -> list[str]:
    """A block for each pair of rules, the worst first; then the rules that win nothing."""
    lines: list[str] = []
    for pair in found.pairs:
        lines.append(f"{pair.first}  and  {pair.second}  alike {pair.alike:.2f}")
        for line in pair.stolen:
            lines.append(f"   stolen  “{_short(line.text, STOLEN_CHARS)}”")
            lines.append(f"           ({line.field}) by {line.by}")
        for rule, words in zip((pair.first, pair.second), pair.words, strict=True):
            if words:
                lines.append(f"   apart   {rule}: {printable(', '.join(words))}")
        lines.append("")
    stolen = sum(len(pair.stolen) for pair in found.pairs)
    lines.append(f"{len(found.pairs)} pairs of rules overlap, {stolen} lines are stolen")
    lines += [f"never wins a line of its own: {rule}" for rule in found.winless]
    return lines


LABELS = {
    "accuracy": "accuracy",
    "agent_accuracy": "right agent taken",
    "bundle_accuracy": "right bundle taken",
    "rule_accuracy": "right rule taken",
    "top1": "ranked first",
    "top3": "ranked in 3",
    "agent_top1": "right agent first",
    "selective_accuracy": "right when taken",
    "coverage": "taken, some rule fits",
    "abstained_outside": "abstained, no rule fits",
    "match_precision": "matches, precision",
    "match_recall": "matches, recall",
    "split_several": "several intents, split",
    "split_one": "one intent, split",
    "mrr": "mean reciprocal rank",
    "precision": "precision, mean of rules",
    "recall": "recall, mean of rules",
    "f1": "F1, mean of rules",
    "auroc": "fits or not (AUROC)",
    "aurc": "risk over coverage (AURC)",
    "ece": "calibration error (ECE)",
    "brier": "Brier score",
}
"""What people read for each figure; its name is what `--min` and `--max` take."""


def sizes(context: Context) -> dict[str, int]:
    """The estimated tokens of a context without a task: of the agent, the prompts, and of all."""
    parts = context.parts
    prompts = sum(part.tokens for part in parts if part.role in ("prompt", "missing"))
    agent = sum(part.tokens for part in parts if part.section)
    return {"agent": agent, "prompts": prompts, "all": estimate(context.text)}


def sizes_table(routes: Sequence[Route], contexts: Sequence[Context]) -> Table:
    """What a match of every route gives a model to read, in estimated tokens."""
    rows = []
    for route, context in zip(routes, contexts, strict=True):
        prompts = [part for part in context.parts if part.role == "prompt"]
        listed = " + ".join(f"{part.source} {part.tokens}" for part in prompts)
        said = sizes(context)
        rows.append((route.id, *(str(said[name]) for name in ("all", "agent", "prompts")), listed))
    return Table(("route", "tokens", "agent", "prompts", "of each prompt"), tuple(rows))


def difference(name: str, text: str, other_name: str, other: str) -> str:
    """A unified diff of two contexts; "" where they are the same."""
    lines = difflib.unified_diff(
        text.splitlines(), other.splitlines(), name, other_name, lineterm=""
    )
    return "".join(f"{line}\n" for line in lines)


def dropped_lines(context: Context) -> list[str]:
    """What a budget had no room for, and what it is used for."""
    budget = context.budget
    if budget is None:
        return []
    lines = [printable(_gone(gone)) for gone in context.dropped]
    kind = "estimated" if budget.counter == "estimate" else budget.counter
    total = sum(gone.tokens for gone in context.dropped)
    lines.append(f"budget: {budget.used} of {budget.limit} tokens ({kind}); {total} dropped")
    return lines


def _gone(gone: Dropped) -> str:
    first, last = gone.lines or (0, 0)
    place = f":{first}-{last}" if last > first else f":{first}" if first else ""
    what = f"{gone.role} " if gone.role in ("missing", "rationale", "escalation") else ""
    verb = "cut" if gone.cut else "dropped"
    return f"{verb}: {gone.source}{place}: {what}{', '.join(gone.titles)} ({gone.tokens} tokens)"


def figures_table(found: Metrics, *, beside: bool = False) -> Table:
    """Every figure with its interval and its name; without the rates where those are `beside`."""
    rows = []
    for name, figure in found.figures.items():
        rate = isinstance(figure, Rate)
        if not (beside and rate):
            cases = _cases(figure) if isinstance(figure, Rate) else f"{figure.total:g}"
            rows.append((LABELS[name], *_with_interval(figure), cases, name))
    return Table(("", "value", "95 %", "cases", "name"), tuple(rows))


def scores_table(found: Metrics) -> Table:
    """How each rule does, the worst first; those beyond `MAX_RULES` share a row."""
    rows = [
        (rule.rule, *_with_interval(rule.f1), _cases(rule.recall), _cases(rule.precision))
        for rule in found.rules[:MAX_RULES]
    ]
    if more := len(found.rules) - len(rows):
        rows.append((f"… and {more} that do better", "", "", "", ""))
    return Table(("rule", "F1", "95 %", "recall", "precision"), tuple(rows))


def confusions_table(found: Metrics) -> Table | None:
    """What is taken for what most often; None where nothing is."""
    mistakes = [c for c in found.confusions if c.expected != c.taken]
    rows = [(str(c.count), c.expected, c.taken) for c in mistakes[:MAX_CONFUSIONS]]
    return Table(("cases", "expected", "taken"), tuple(rows)) if rows else None


def latency_line(found: Metrics) -> str:
    times = ", ".join(f"{name} {value:.3g}" for name, value in found.latency.items())
    return f"milliseconds a task: {times}"


def why_line(result: Result) -> str:
    """What won a case, by how much and why, in one line."""
    words = ", ".join(result.answer.words)
    if result.right:
        return f"decided by: {words}" if result.taken and words else result.answer.reason
    if not result.answer.ranked:
        return "nothing was ranked"
    lead = _lead(result)
    ahead = {"": "; the expected is not among the best", "first": "; ranked first, not taken"}
    return (
        f"first is {result.answer.ranked[0].route}"
        + ahead.get(lead, f", ahead of the expected by {lead.removeprefix('+')}")
        + (f"; its words: {words}" if words else "")
        + (f"; {result.answer.reason}" if not result.taken and result.answer.reason else "")
    )


def comparison_table(found: Comparison) -> Table:
    """Every rate without what was learned and with it, each with its interval and cases."""

    def cell(rate: Rate) -> str:
        value, interval = _with_interval(rate)
        return f"{value:5}  {interval}  {_cases(rate)}"

    rows = tuple((LABELS[name], *map(cell, rates)) for name, rates in found.rates.items())
    how = "with it (cross-validated)" if found.held_out else "with it"
    return Table(("", "without what was learned", how), rows)


def changes_table(found: Paired, before: str = "without", after: str = "with it") -> Table:
    """Every task that is decided otherwise, the worse ones first."""
    rows = [
        (
            change.kind,
            _line_of(change.after, found.after),
            _short(change.after.case.task),
            _taken(change.before),
            _taken(change.after),
        )
        for change in found.changes
    ]
    return Table(("", "line", "task", before, after), tuple(rows))


def paired_line(found: Paired) -> str:
    """How many cases are decided otherwise, and whether that may be chance."""
    counts = ", ".join(f"{count} {kind}" for kind, count in found.counts.items())
    return (
        f"decided otherwise: {len(found.changes)} of {len(found.before.results)} tasks ({counts};"
        f" McNemar's exact test: p = {found.p_value:.3g})"
    )


def comparison_lines(found: Comparison) -> list[str]:
    """What changed, whether that may be chance, and who judged."""
    lines = [paired_line(found.paired)]
    if found.split:
        folds, repeats, seed = found.split.folds, found.split.repeats, found.split.seed
        lines.append(
            f"cross-validated: {found.held_out} learned tasks, each judged without it"
            f" (folds {folds}, repeats {repeats}, seed {seed})"
        )
    return lines


def leak_lines(leaks: Sequence[Leak]) -> list[str]:
    """A line for each case that the library knows; those beyond `MAX_LEAKS` share one."""
    lines = [str(leak.fault) for leak in leaks[:MAX_LEAKS]]
    if more := len(leaks) - len(lines):
        lines.append(f"… and {more} more that the library knows; --json has all")
    return lines


def misses_table(report: Report) -> Table:
    """Every miss: what was expected, what won instead, by how much and why."""
    rows = [
        (
            _line_of(result, report),
            _short(result.case.task),
            _short(result.case.label),
            _taken(result),
            _lead(result),
            ", ".join(map(printable, result.answer.words[:3])),
        )
        for result in report.misses
    ]
    columns = ("line", "task", "expected", "taken", "lead", "words of the first")
    return Table(columns, tuple(rows))


def miss_lines(report: Report, width: int) -> list[str]:
    """The misses as `misses_table` has them, three lines each: for a screen."""
    rows = misses_table(report).rows
    indent = max((len(row[0]) for row in rows), default=0) + 2
    lines = []
    for line, task, expected, taken, lead, words in rows:
        how = {"": "", "first": "  (ranked first)"}.get(lead, f"  (behind by {lead[1:]})")
        why = f"  (first by: {words})" if words else ""
        lines += [
            f"{line:{indent}}{task[: width - indent]}",
            f"{'':{indent}}expected  {expected}{how}",
            f"{'':{indent}}took      {taken}{why}",
        ]
    return lines


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


def curve_table(tuning: Tuning) -> Table:
    """Some `CURVE_ROWS` points of the curve, evenly over its coverage, and the chosen one."""
    points = tuning.curve.points
    span = points[-1].tally.routed
    shown: dict[int, Point] = {}
    for step in range(CURVE_ROWS):
        aim = span * step / (CURVE_ROWS - 1)
        near = min(points, key=lambda point: abs(point.tally.routed - aim))
        shown[near.tally.routed] = near
    shown[tuning.chosen.tally.routed] = tuning.chosen
    mark = "chosen" if tuning.granted else "nearest"
    return Table(
        ("threshold", "coverage", "precision", "fits: routed", "none fits: abstained", ""),
        tuple(
            (
                f"{point.threshold:.4f}",
                _value(point.tally.coverage),
                _value(point.tally.precision),
                _value(point.tally.reached),
                _value(point.tally.declined),
                mark if point is tuning.chosen else "",
            )
            for _, point in sorted(shown.items())
        ),
    )


def expectation_table(tuning: Tuning) -> Table:
    """The present setting beside the tuned one, the latter on tasks that it has not seen."""
    now, then = tuning.now, tuning.held_out
    rows = []
    for name in ("precision", "coverage", "reached", "declined", "accuracy"):
        rates: tuple[Rate, Rate] = getattr(now.tally, name), getattr(then.tally, name)
        rows.append((_RATES[name], *(cell for rate in rates for cell in _with_interval(rate))))
    rows.append(("calibration error (ECE)", f"{now.ece:.3f}", "", f"{then.ece:.3f}", ""))
    return Table(("", "now", "95 %", "tuned, held out", "95 %"), tuple(rows))


_RATES = {
    "precision": "precision: right when routed",
    "coverage": "coverage: routed",
    "reached": "routed, some rule fits",
    "declined": "abstained, no rule fits",
    "accuracy": "accuracy",
}


def wish_line(tuning: Tuning) -> str:
    """What was asked for and cannot be had, and how near one can get; "" if it can."""
    chosen, wish = tuning.chosen, tuning.wish
    if tuning.granted:
        return ""
    if wish.precision is not None:
        asked, best = f"precision of {wish.precision:g}", chosen.tally.precision
    else:
        asked, best = f"coverage of {wish.coverage:g}", chosen.tally.reached
    return (
        f"no threshold has a {asked}; the best has {_value(best)}"
        f" ({best.hits}/{best.total}, threshold {chosen.threshold:.4f}); nothing was written"
    )


def held_out_line(tuning: Tuning) -> str:
    """Says so where held-out tasks fall short of the wish; "" where they do not."""
    wish, then = tuning.wish, tuning.held_out.tally
    for name, asked, rate in (
        ("precision", wish.precision, then.precision),
        ("coverage", wish.coverage, then.reached),
    ):
        if asked is not None and not (rate.total and rate.value >= asked):
            low, high = rate.interval
            return (
                f"on tasks that it has not seen, expect a {name} of {_value(rate)}"
                f" (95 %: {low:.3f}–{high:.3f}), not {asked:g}"
            )
    return ""


def saved_line(saved: Saved, before: Calibration) -> str:
    """What was written where, and what had been in effect `before`."""
    routing = saved.routing
    source = "" if saved.before else ", as shipped"
    return (
        f"written: project.yaml:{saved.line}: {_constants(routing.over(before))}\n"
        f"until now: {_constants(before)}{source}"
    )


def unsaved_line(tuning: Tuning, before: Calibration) -> str:
    """What would be written."""
    return f"not written: {_constants(tuning.routing.over(before))}"


def _constants(constants: Calibration) -> str:
    return (
        f"threshold {constants.threshold:g}, bias {constants.bias:g},"
        f" score {constants.score:g}, lead {constants.lead:g}"
    )


def _value(rate: Rate | Figure) -> str:
    return f"{rate.value:.3f}" if rate.total else "–"


def _with_interval(figure: Rate | Figure) -> tuple[str, str]:
    low, high = figure.interval
    return _value(figure), "–" if isnan(low) else f"{low:.3f}–{high:.3f}"


def _cases(rate: Rate) -> str:
    """Hits of cases; with a decimal place where they are means."""
    return "/".join(f"{count:.1f}".removesuffix(".0") for count in (rate.hits, rate.total))


def _taken(result: Result) -> str:
    return printable(" + ".join(result.taken)) or f"none ({result.answer.outcome})"


def _lead(result: Result) -> str:
    """By how much the first is ahead of the first right one; its score says, else confidence."""
    if result.rank is None:
        return ""
    if result.rank == 1:
        return "first"
    best, right = result.answer.ranked[0], result.answer.ranked[result.rank - 1]
    for ahead, behind in ((best.score, right.score), (best.confidence, right.confidence)):
        if ahead is not None and behind is not None:
            return f"{ahead - behind:+.3f}"
    return ""


def _line_of(result: Result, report: Report) -> str:
    """Where a case is written; the line alone where all are in one file."""
    several = len({other.case.path for other in report.results}) > 1
    return printable(result.case.source) if several else str(result.case.line)


def _short(task: str, most: int = MAX_TASK_CHARS) -> str:
    line = printable(" ".join(task.split()))
    return line if len(line) <= most else line[: most - 1] + "…"
