"""A library's rules and its cases as places in a plane: rules that lie together are hard to tell
apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.evaluation.measuring import Result
from router.library.records import Route
from router.model.scores import Scorer
from router.router import Router

Floats = NDArray[np.float64]

MAX_CASES = 2000
"""Of more cases some are placed, evenly: more dots hide one another."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A rule or a case in the plane; `label` is the rule's id or the case's task."""

    label: str
    x: float
    y: float
    right: bool = True


def placed(router: Router, results: Sequence[Result]) -> tuple[tuple[Dot, ...], tuple[Dot, ...]]:
    """The rules of a router and some of its results; a rule lies where its When and its Examples
    do, on average."""
    shown = results[:: -(-len(results) // MAX_CASES) or 1]
    scorer = Scorer(router.model, encoder=router.encoder)
    count = len(router.routes)
    rules = [_scores(scorer, _own(route), count).mean(axis=0) for route in router.routes]
    cases = _scores(scorer, [result.case.task for result in shown], count)
    where, others = plane(np.array(rules), cases)
    dots = zip(router.routes, where.tolist(), strict=True)
    return (
        tuple(Dot(route.id, x, y) for route, (x, y) in dots),
        tuple(
            Dot(result.case.task, x, y, result.right)
            for result, (x, y) in zip(shown, others.tolist(), strict=True)
        ),
    )


def plane(rules: Floats, cases: Floats) -> tuple[Floats, Floats]:
    """Rules and cases in two dimensions, each from -1 to 1.

    Both come as scores for each route (rows × routes), of which only the differences within a row
    count; the axes are the first two principal components of the rules'.

    >>> rules, cases = plane(np.eye(3), np.eye(3)[:1])
    >>> rules.shape, cases.shape
    ((3, 2), (1, 2))
    """
    rules, cases = _directions(rules), _directions(cases)
    mean = rules.mean(axis=0)
    _, _, axes = np.linalg.svd(rules - mean, full_matrices=False)
    axes = np.vstack([axes, np.zeros((2, axes.shape[1]))])[:2]
    places, others = (rules - mean) @ axes.T, (cases - mean) @ axes.T
    most = max(float(np.abs(np.vstack([places, others])).max(initial=0.0)), 1e-9)
    return places / most, others / most


def _own(route: Route) -> list[str]:
    """What a rule says of itself; its id where it says nothing."""
    said = [text for text in (route.rule.when, *route.rule.examples) if text.strip()]
    return said or [route.id]


def _scores(scorer: Scorer, texts: Sequence[str], count: int) -> Floats:
    """A row for each text: its scores for `count` routes, without that of none at all."""
    rows = [scorer.score(text).totals[:count] for text in texts]
    return np.array(rows, dtype=np.float64).reshape((len(texts), count))


def _directions(scores: Floats) -> Floats:
    """Rows of mean 0 and length 1: a long task scores higher, and lies where a short one does."""
    centred = scores - scores.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(centred / np.maximum(lengths, 1e-9))
