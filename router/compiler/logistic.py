"""The logistic model behind a confidence, fitted to what became of tasks with known answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from router.model.calibration import Calibration

SPREAD = (1.0, 1.0, 3.0)
"""How far bias and slopes may well lie from the shipped ones: the prior's standard deviations.

Wider than the shipped ones with and without word vectors lie apart; no set of tasks chose it.
"""


def fit(
    scores: Sequence[float],
    rivals: Sequence[float],
    right: Sequence[bool],
    prior: Calibration,
    weights: Sequence[float] | None = None,
) -> Calibration:
    """The logistic model of "the best route is right" on score and lead, near to `prior`.

    `scores` and `rivals` are in units of the scale, a task each, as `calibration.confidence` reads
    them; `weights` say how often a task counts. With y = ±1 for right and wrong and
    z = bias + score·s + lead·l, it minimises

        Σ w log(1 + exp(-y·z)) + ½ Σ ((θ - θ₀) / SPREAD)²,   θ = (bias, score, lead),

    θ₀ being the prior's, with score and lead at least 0: the mode of a posterior under independent
    normal priors. It is convex, and without tasks it is the prior. The threshold is the prior's.
    """
    score = np.asarray(scores, dtype=np.float64)
    rows = np.column_stack([np.ones(len(score)), score, score - np.asarray(rivals)])
    signs = np.where(right, 1.0, -1.0)
    counts = np.ones(len(score)) if weights is None else np.asarray(weights, dtype=np.float64)
    start = np.array([prior.bias, prior.score, prior.lead])
    spread = np.array(SPREAD)

    def loss(theta: Any) -> tuple[float, Any]:
        margins = signs * (rows @ theta)
        off = (theta - start) / spread
        value = counts @ np.logaddexp(0.0, -margins) + 0.5 * (off @ off)
        return float(value), off / spread - rows.T @ (counts * signs * expit(-margins))

    found = minimize(
        loss, start, jac=True, method="L-BFGS-B",
        bounds=[(None, None), (0.0, None), (0.0, None)],
        options={"ftol": 1e-14, "gtol": 1e-9},
    )  # fmt: skip
    # Rounded: the last digits differ between processors, and people read these.
    bias, slope, lead = (round(float(value), 3) for value in found.x)
    return Calibration(bias, slope, lead, prior.threshold)
