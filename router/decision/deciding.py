"""What a task was matched to, how surely, and why; an abstention is an answer too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from router.errors import printable
from router.library.records import Link, Route
from router.model.calibration import Calibration, Scale, confidence
from router.model.scores import Model, Scores
from router.model.text import STOP_WORDS

if TYPE_CHECKING:
    from router.decision.escalations import Escalation
    from router.decision.explanation import Explanation

Outcome = Literal["routed", "taught", "no-evidence", "below-threshold", "ambiguous"]

MAX_EVIDENCE = 5

# When a clause asks for something of its own: chosen by `python bench/tune_intents.py`, whose
# tasks judge nothing.
CLAUSE_CONFIDENCE = 0.7
LIKELY = 3
"""The clause's route must be this far up for the whole task."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A word of the task, and how much more it said for this route than for the average one."""

    word: str
    weight: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """One route for one task. `score` ranks; `confidence` in [0, 1] says how sure.

    `rival` is the score of the best other route, or of none where that is better. `place` is the
    route's number in `scores`, from which the evidence derives. `clause` is the
    part of the task that it answers, where the task asks for several things; else "".
    """

    target: Route
    confidence: float
    rival: float
    place: int
    scores: Scores = field(repr=False)
    clause: str = ""

    @property
    def route(self) -> str:
        """The route's id, `agent/rule-slug`."""
        return self.target.id

    @property
    def agent(self) -> str:
        return self.target.agent.id

    @property
    def score(self) -> float:
        return self.scores.totals[self.place]

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The words that spoke for this route, the strongest first, at most `MAX_EVIDENCE`."""
        scores = self.scores
        lifts = [
            Evidence(word.text, lift)
            for word in scores.words
            if word.text not in STOP_WORDS
            and (lift := scores.contribution(word, self.place) - scores.usual(word)) > 0.0
        ]
        lifts.sort(key=lambda evidence: -evidence.weight)
        return tuple(lifts[:MAX_EVIDENCE])

    @property
    def bundle(self) -> tuple[Link, ...]:
        """The prompts of the rule in order; a link without `path` is missing in the library."""
        return self.target.rule.bundle

    def to_dict(self) -> dict[str, Any]:
        return {
            "route": self.route,
            "agent": self.agent,
            "rule": self.target.rule.title,
            "bundle": [link.path or link.target for link in self.bundle],
            "confidence": self.confidence,
            "score": round(self.score, 4),
            "evidence": [{"word": e.word, "weight": round(e.weight, 4)} for e in self.evidence],
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one task, always of this type.

    `candidates` are the best routes for the task as a whole, best first. `matches` are those that
    were taken: the first candidate, or where the task asks for several things one for each, in the
    order of the task; none after an abstention. `outcome` says why. `fit` is how sure the best
    route would be if there were no other: low where nothing in the library fits, high where several
    do. `eligible` are the numbers of all routes that it was made among, and `model` is what it was
    made with: both only explain it.
    """

    task: str
    candidates: tuple[Candidate, ...]
    matches: tuple[Candidate, ...]
    outcome: Outcome
    fit: float
    threshold: float
    eligible: Sequence[int] = field(default=(), repr=False, compare=False)
    model: Model | None = field(default=None, repr=False, compare=False)

    @property
    def abstained(self) -> bool:
        return not self.matches

    @property
    def bundle(self) -> tuple[Link, ...]:
        """The prompts of all matches in order, without repeats."""
        links = (link for match in self.matches for link in match.bundle)
        return tuple({link.path or link.target: link for link in links}.values())

    @property
    def evidence(self) -> tuple[Explanation, ...]:
        """What each word of the task said for and against each candidate, and where it stands.

        Derived anew each time that it is asked for.
        """
        from router.decision.explanation import explain  # late: not needed to route

        return explain(self)

    @property
    def escalations(self) -> tuple[Escalation, ...]:
        """The escalation triggers of the matches' agents that the task touches.

        Derived anew each time that it is asked for.
        """
        from router.decision.escalations import touched  # late: not needed to route

        return touched(self)

    @property
    def reason(self) -> str:
        """One sentence for people."""
        if self.outcome == "taught":
            return "as taught" if self.matches else "taught that no rule fits"
        if self.outcome == "no-evidence" or not self.candidates:
            return "no word of the task is known to the library"
        best = self.candidates[0]
        if len(self.matches) > 1:
            return "; ".join(f"“{match.clause}”" for match in self.matches)
        if self.outcome == "routed":
            best = self.matches[0]
            heard = ", ".join(evidence.word for evidence in best.evidence)
            return f"decided by: {heard}" if heard else "the only one that fits"
        if self.outcome == "ambiguous":
            rival = self.candidates[1]
            return (
                f"too close to call: {best.route} ({best.confidence:.2f})"
                f" or {rival.route} ({rival.confidence:.2f})"
            )
        return (
            f"nothing fits: the best, {best.route}, has {best.confidence:.2f},"
            f" below {self.threshold:.2f}"
        )

    @property
    def line(self) -> str:
        """The decision in one line, safe to print."""
        if self.abstained:
            return printable(f"abstained: {self.reason}")
        taken = "  +  ".join(
            f"{match.target.agent.name} / {match.target.rule.title}  {match.confidence:.2f}"
            for match in self.matches
        )
        return printable(" ".join(f"{taken}  ({self.reason})".split("\n")))

    def to_dict(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "outcome": self.outcome,
            "abstained": self.abstained,
            "reason": self.reason,
            "fit": self.fit,
            "threshold": self.threshold,
            "matches": [
                {"route": match.route, "confidence": match.confidence, "clause": match.clause}
                for match in self.matches
            ],
            "bundle": [link.path or link.target for link in self.bundle],
            "escalations": [escalation.to_dict() for escalation in self.escalations],
            "candidates": [candidate.to_dict() for candidate in self.candidates],
        }


def decide(
    task: str,
    routes: Sequence[Route],
    scores: Scores,
    eligible: Sequence[int],
    calibration: Calibration,
    scale: Scale,
    top: int,
    clauses: Callable[[], Iterable[tuple[str, Scores]]] = lambda: (),
    model: Model | None = None,
) -> Decision:
    """Rank the `eligible` routes (numbers into `routes`) and say which are taken.

    Ties go to the route that comes first in the library. A task is ambiguous when the best would
    be taken were it not for the second. `clauses` gives the task's, with the scores of each: where
    two or more of them are surely for different routes, those are taken. `model` is kept for
    `Decision.evidence`.
    """
    totals = scores.totals
    ranked = scores.best(eligible, max(top, LIKELY))
    none = _none(scores, len(routes), scale)
    best, second, third, *_ = [*(totals[number] for number in ranked), none, none]
    second, third = max(second, none), max(third, none)
    rivals = [second, *[max(best, none)] * len(ranked)]
    candidates = tuple(
        Candidate(
            routes[number],
            confidence(calibration, scale.of(totals[number]), scale.rival(rival)),
            rival,
            number,
            scores,
        )
        for number, rival in zip(ranked[:top], rivals, strict=False)
    )
    sure = candidates[0].confidence
    if not scores.known:
        outcome: Outcome = "no-evidence"
    elif sure >= calibration.threshold:
        outcome = "routed"
    elif (
        confidence(calibration, scale.of(best), scale.rival(third)) >= calibration.threshold
        and len(ranked) > 1
    ):
        outcome = "ambiguous"
    else:
        outcome = "below-threshold"
    matches = candidates[:1] if outcome == "routed" else ()
    likely = [number for number in ranked[:LIKELY] if totals[number] > none]
    if len(likely) > 1:
        several: dict[int, Candidate] = {}
        for clause, found in clauses():
            match = _asked(clause, found, routes, eligible, likely, calibration, scale)
            if match:
                several.setdefault(match.place, match)
        if len(several) > 1:
            outcome, matches = "routed", tuple(several.values())
    fit = confidence(calibration, scale.of(best), scale.rival(none))
    return Decision(task, candidates, matches, outcome, fit, calibration.threshold, eligible, model)


def as_taught(decision: Decision, routes: Sequence[Route], taught: Sequence[int]) -> Decision:
    """The decision for a task that a label of the library names: its routes in the label's order,
    whatever the words say; none where no rule fits."""
    best = decision.candidates[0]
    scores = best.scores
    matches = tuple(
        Candidate(
            routes[number], 1.0, best.rival if number == best.place else best.score, number, scores
        )
        for number in taught
    )
    return replace(decision, matches=matches, outcome="taught")


def _asked(
    clause: str,
    scores: Scores,
    routes: Sequence[Route],
    eligible: Sequence[int],
    likely: Sequence[int],
    calibration: Calibration,
    scale: Scale,
) -> Candidate | None:
    """The route that a clause surely asks for; None where it does not ask for one by itself."""
    totals = scores.totals
    best = max(likely, key=lambda number: totals[number])
    others = [totals[number] for number in scores.best(eligible, 2) if number != best]
    rival = max([*others, _none(scores, len(routes), scale)])
    if rival > totals[best] or not scores.known:
        return None
    sure = confidence(calibration, scale.of(totals[best]), scale.rival(rival))
    if sure < max(CLAUSE_CONFIDENCE, calibration.threshold):
        return None
    return Candidate(routes[best], sure, rival, best, scores, clause)


def _none(scores: Scores, routes: int, scale: Scale) -> float:
    """What "none of them" scores: what has been learned of that, or the best on unrelated tasks."""
    learned = scores.totals[routes:]
    return max([scale.unrelated, *learned] if scale.floored else learned)
