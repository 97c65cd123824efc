"""A library to a model file's bytes: texts of each route → fitted weights → flat arrays."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from router.compiler import classifier, logistic
from router.compiler.classifier import FIELD_WEIGHTS
from router.compiler.encoder import StaticEncoder
from router.library.folder import Library
from router.model import artifact, names
from router.model.calibration import Calibration, Scale, shipped
from router.model.fields import RouteText, none_text, route_texts
from router.model.scores import CHANNEL_WEIGHTS, Lexicon, Model, Scorer
from router.model.text import words

Array = NDArray[np.float32] | NDArray[np.int32] | NDArray[np.uint8]

SCALE_ROUTES, SCALE_WORDS, BACKGROUND_TASKS = 200, 8, 160
"""Routes and background tasks sampled to learn the scale of a model's scores; a task has some 8
words that matter."""


def compile_library(library: Library, made_from: str, encoder: StaticEncoder | None) -> bytes:
    """The payload of a model file (see `artifact`). The same library gives the same bytes."""
    texts = route_texts(library.routes, library.prompts, library.tasks)
    # What fits no rule is learned as one more route, which can only win against the others.
    weights = classifier.fit([*texts, *none_text(library.tasks)], encoder, CHANNEL_WEIGHTS)
    arrays = _lexicon("term", weights.terms) | _lexicon("gram", weights.grams)
    arrays["bias"] = weights.bias.astype("<f4")
    arrays["tasks"] = _bytes(artifact.labelled(library.tasks))
    arrays["pages"] = _bytes(artifact.paged(library.pages))
    if encoder is not None and weights.senses is not None:
        arrays |= _names("sense", list(encoder.pieces))
        arrays["sense_rows"] = (encoder.vectors @ weights.senses.T).astype("<f4").ravel()
        arrays["sense_squares"] = np.square(encoder.vectors).sum(axis=1).astype("<f4")
    model = Model(
        made_from=made_from,
        project=library.project,
        encoder=encoder.name if encoder else None,
        agents=library.agents,
        prompts=library.prompts,
        warnings=library.faults,
        outside=library.outside,
        scale=Scale(),
        calibration=shipped(senses=encoder is not None),
        routing=library.routing,
        terms=_empty(weights.terms),
        grams=_empty(weights.grams),
        senses=None,
        bias=(),
    )
    arrays["meta"] = _bytes(artifact.metadata(model))
    scorer = Scorer(artifact.unpack({name: array.data for name, array in arrays.items()}))
    background = classifier.BACKGROUND.read_text("utf-8").splitlines()
    sample = background[:: len(background) // BACKGROUND_TASKS]
    scores = np.array([scorer.score(task).totals for task in sample])
    scale = _scale(scorer, texts, scores)
    calibration = _calibration(model.calibration, scale, weights.held_out, scores, len(texts))
    model = replace(model, scale=scale, calibration=calibration)
    arrays["meta"] = _bytes(artifact.metadata(model))
    return _npz(arrays)


def _scale(scorer: Scorer, texts: Sequence[RouteText], background: NDArray[np.float64]) -> Scale:
    """How scores are to be read: from tasks made of the routes' own words, a word drawn from a
    field as often as the field weighs, and from what `background` tasks score (tasks × routes).

    Some of those may fit a route; the median does not mind.
    """
    chance = random.Random(0)  # noqa: S311 - a fixed choice, not a secret
    own: list[float] = []
    unrelated = background[:, : len(texts)].max(axis=1)
    for number in chance.sample(range(len(texts)), min(len(texts), SCALE_ROUTES)):
        said = [
            (weight, list(dict.fromkeys(found)))
            for field, weight in FIELD_WEIGHTS.items()
            if (found := words(getattr(texts[number], field)))
        ]
        weights = [weight for weight, _ in said]
        drawn = chance.choices([found for _, found in said], weights, k=SCALE_WORDS) if said else []
        own.append(scorer.score(" ".join(map(chance.choice, drawn))).totals[number])
    # Rounded: the last digits of a sum of products differ between processors.
    return Scale(unrelated=round(float(np.median(unrelated)), 4), own=round(fmean(own), 4))


def _calibration(
    prior: Calibration,
    scale: Scale,
    held_out: tuple[NDArray[np.float64], NDArray[np.int64]] | None,
    background: NDArray[np.float64],
    count: int,
) -> Calibration:
    """What held-out examples say of confidence in this model; without any, the `prior`.

    `background` tasks count as wrong, together a quarter of the examples: what the shipped
    calibration was fitted to.
    """
    if held_out is None:
        return prior
    totals = np.concatenate([held_out[0], background])
    labels = np.concatenate([held_out[1], np.full(len(background), -1)])
    best = totals[:, :count].argmax(axis=1)
    rows = np.arange(len(totals))
    scores = totals[rows, best]
    others = totals.copy()
    others[rows, best] = -np.inf
    rivals = np.maximum(others.max(axis=1), scale.unrelated)
    share = len(held_out[0]) / (4 * len(background))
    return logistic.fit(
        [scale.of(score) for score in scores.tolist()],
        [scale.of(rival) for rival in rivals.tolist()],
        (best == labels).tolist(),
        prior,
        np.where(labels < 0, share, 1.0).tolist(),
    )


def _empty(fitted: classifier.Lexicon) -> Lexicon:
    return Lexicon({}, (), (), (), (), fitted.unseen)


def _lexicon(kind: str, fitted: classifier.Lexicon) -> dict[str, Array]:
    return _names(kind, fitted.features) | {
        f"{kind}_starts": fitted.weights.indptr.astype("<i4"),
        f"{kind}_routes": fitted.weights.indices.astype("<i4"),
        f"{kind}_weights": fitted.weights.data.astype("<f4"),
        f"{kind}_idf": fitted.idf.astype("<f4"),
    }


def _names(kind: str, listed: Sequence[str]) -> dict[str, Array]:
    joined, starts, slots = names.table(listed)
    return {
        f"{kind}_names": _bytes(joined),
        f"{kind}_name_starts": np.array(starts, dtype="<i4"),
        f"{kind}_slots": np.array(slots, dtype="<i4"),
    }


def _bytes(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, dtype=np.uint8)


def _npz(arrays: dict[str, Array]) -> bytes:
    """As `numpy.savez`, but with the same bytes each time: members sorted, of no date."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            member = io.BytesIO()
            np.lib.format.write_array(member, arrays[name], version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
    return buffer.getvalue()
