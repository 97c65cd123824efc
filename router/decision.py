"""What a task was matched to, how surely, and why; an abstention is an answer too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from router.calibration import Calibration, Scale, confidences
from router.errors import printable
from router.model import Model, Scores
from router.records import Link, Route
from router.text import STOP_WORDS

if TYPE_CHECKING:
    from router.explanation import Explanation

Outcome = Literal["routed", "no-evidence", "below-threshold", "ambiguous"]

MAX_EVIDENCE = 5


@dataclass(frozen=True, slots=True)
class Evidence:
    """A word of the task, and how much more it said for this route than for the average one."""

    word: str
    weight: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """One route for one task. `score` ranks; `confidence` in [0, 1] says how sure.

    `place` is the route's number in `scores`, from which the evidence derives.
    """

    target: Route
    confidence: float
    place: int
    scores: Scores = field(repr=False)

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
        return self.target.rule.use

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

    `candidates` are the best routes, best first; `outcome` says whether the first was taken.
    `eligible` are the numbers of all routes that it was made among, and `model` is what it was
    made with: both only explain it.
    """

    task: str
    candidates: tuple[Candidate, ...]
    outcome: Outcome
    threshold: float
    eligible: Sequence[int] = field(default=(), repr=False, compare=False)
    model: Model | None = field(default=None, repr=False, compare=False)

    @property
    def abstained(self) -> bool:
        return self.outcome != "routed"

    @property
    def matches(self) -> tuple[Candidate, ...]:
        """The candidates that were taken; empty after an abstention."""
        return () if self.abstained else self.candidates[:1]

    @property
    def evidence(self) -> tuple[Explanation, ...]:
        """What each word of the task said for and against each candidate, and where it stands.

        Derived anew each time that it is asked for.
        """
        from router.explanation import explain  # late: not needed to route

        return explain(self)

    @property
    def reason(self) -> str:
        """One sentence for people."""
        if self.outcome == "no-evidence" or not self.candidates:
            return "no word of the task is known to the library"
        best = self.candidates[0]
        if self.outcome == "routed":
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
        best = self.candidates[0]
        title = f"{best.target.agent.name} / {best.target.rule.title}"
        return printable(f"{title}  {best.confidence:.2f}  ({self.reason})")

    def to_dict(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "outcome": self.outcome,
            "abstained": self.abstained,
            "reason": self.reason,
            "threshold": self.threshold,
            "matches": [candidate.route for candidate in self.matches],
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
    model: Model | None = None,
) -> Decision:
    """Rank the `eligible` routes (numbers into `routes`) and say whether the best is taken.

    Ties go to the route that comes first in the library. A task is ambiguous when the best would
    be taken were it not for the second. `model` is kept for `Decision.evidence`.
    """
    ranked = sorted(eligible, key=lambda number: -scores.totals[number])
    totals = [scores.totals[number] for number in ranked]
    sure = confidences(calibration, totals, scale)
    candidates = tuple(
        Candidate(routes[number], sure[rank], number, scores)
        for rank, number in enumerate(ranked[:top])
    )
    if not scores.known:
        outcome: Outcome = "no-evidence"
    elif sure[0] >= calibration.threshold:
        outcome = "routed"
    elif _unrivalled(calibration, totals, scale) >= calibration.threshold:
        outcome = "ambiguous"
    else:
        outcome = "below-threshold"
    return Decision(task, candidates, outcome, calibration.threshold, eligible, model)


def _unrivalled(calibration: Calibration, totals: Sequence[float], scale: Scale) -> float:
    """How sure the best of the ranked `totals` would be without the second."""
    return confidences(calibration, [totals[0], *totals[2:]], scale)[0] if len(totals) > 1 else 0.0
