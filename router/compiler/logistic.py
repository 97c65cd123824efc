"""The logistic model behind a confidence, fitted to what became of tasks with known answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from router.model.calibration import Calibration

SPREAD = (1.0, 1.0, 3.0)
"""How far bias and slopes may well lie from the shipped ones: the prior's standard deviations.

Wider than the shipped ones with and without word vectors lie apart; no set of tasks chose it.
"""


@dataclass(frozen=True, slots=True)
class Tasks:
    """Tasks with known answers: the best score and its rival's, in units of the scale as
    `calibration.confidence` reads them, whether the best was right, and how often a task counts
    (once if None)."""

    scores: Sequence[float]
    rivals: Sequence[float]
    right: Sequence[bool]
    counts: Sequence[float] | None = None


def fit(tasks: Tasks, prior: Calibration) -> Calibration:
    """The logistic model of "the best route is right" on score and lead, near to `prior`.

    With y = ±1 for right and wrong and z = bias + score·s + lead·l, it minimises

        Σ w log(1 + exp(-y·z)) + ½ Σ ((θ - θ₀) / SPREAD)²,   θ = (bias, score, lead),

    θ₀ being the prior's, with score and lead at least 0: the mode of a posterior under independent
    normal priors. It is convex, and without tasks it is the prior. The threshold is the prior's.
    """
    start = _theta(prior)
    spread = np.array(SPREAD)
    rows, signs, counts = _table(tasks)

    def objective(theta: Any) -> tuple[float, Any]:
        margins = signs * (rows @ theta)
        off = (theta - start) / spread
        value = counts @ np.logaddexp(0.0, -margins) + 0.5 * (off @ off)
        return float(value), off / spread - rows.T @ (counts * signs * expit(-margins))

    found = minimize(
        objective, start, jac=True, method="L-BFGS-B",
        bounds=[(None, None), (0.0, None), (0.0, None)],
        options={"ftol": 1e-14, "gtol": 1e-9},
    )  # fmt: skip
    # Rounded: the last digits differ between processors, and people read these.
    bias, slope, lead = (round(float(value), 3) for value in found.x)
    return Calibration(bias, slope, lead, prior.threshold)


def loss(tasks: Tasks, calibration: Calibration) -> float:
    """The log loss of a calibration: Σ w log(1 + exp(-y·z)), as in `fit`."""
    rows, signs, counts = _table(tasks)
    return float(counts @ np.logaddexp(0.0, -signs * (rows @ _theta(calibration))))


def _theta(calibration: Calibration) -> NDArray[np.float64]:
    return np.array([calibration.bias, calibration.score, calibration.lead])


def _table(
    tasks: Tasks,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """What θ is multiplied with, a row for each task; y; and w."""
    score = np.asarray(tasks.scores, dtype=np.float64)
    rows = np.column_stack([np.ones(len(score)), score, score - np.asarray(tasks.rivals)])
    counts = np.ones(len(score)) if tasks.counts is None else np.asarray(tasks.counts)
    return rows, np.where(tasks.right, 1.0, -1.0), counts
