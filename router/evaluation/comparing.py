"""The same cases decided twice: which are decided otherwise, and whether that may be chance."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from router.evaluation.measuring import Report, Result

Kind = Literal["better", "worse", "sideways"]
KINDS: tuple[Kind, ...] = ("better", "worse", "sideways")


@dataclass(frozen=True, slots=True)
class Change:
    """A case that is decided otherwise than before."""

    before: Result
    after: Result

    @property
    def kind(self) -> Kind:
        """Right only now, right only before, or the same as before."""
        if self.after.right == self.before.right:
            return "sideways"
        return "better" if self.after.right else "worse"

    def to_dict(self) -> dict[str, Any]:
        case = self.after.case
        return {
            "kind": self.kind,
            "path": case.path,
            "line": case.line,
            "task": case.task,
            "expect": list(case.expect),
            "before": list(self.before.taken),
            "after": list(self.after.taken),
        }


@dataclass(frozen=True, slots=True)
class Paired:
    """The same cases in the same order, before and after."""

    before: Report
    after: Report

    @property
    def changes(self) -> tuple[Change, ...]:
        """The cases for which other routes are taken; the worse ones first."""
        both = zip(self.before.results, self.after.results, strict=True)
        found = [
            Change(before, after) for before, after in both if set(before.taken) != set(after.taken)
        ]
        order = {"worse": 0, "sideways": 1, "better": 2}
        return tuple(sorted(found, key=lambda change: order[change.kind]))

    @property
    def counts(self) -> dict[str, int]:
        """How many of the changes are better, worse and sideways."""
        kinds = Counter(change.kind for change in self.changes)
        return {kind: kinds[kind] for kind in KINDS}

    @property
    def p_value(self) -> float:
        """McNemar's exact test: how likely so uneven a count of better and worse is by chance."""
        from scipy.stats import binomtest

        better, worse = self.counts["better"], self.counts["worse"]
        return float(binomtest(better, better + worse).pvalue) if better + worse else 1.0

    def to_dict(self) -> dict[str, Any]:
        return {
            "changes": [change.to_dict() for change in self.changes],
            "mcnemar": self.counts | {"p": self.p_value},
        }
