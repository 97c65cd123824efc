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

from router import artifact, classifier
from router.calibration import Scale
from router.classifier import FIELD_WEIGHTS
from router.encoder import StaticEncoder
from router.fields import RouteText, route_texts
from router.library import Library
from router.model import CHANNEL_WEIGHTS, Lexicon, Model, Scorer
from router.text import words

Array = NDArray[np.float32] | NDArray[np.int32] | NDArray[np.uint8]

SCALE_ROUTES, SCALE_WORDS = 200, 8
"""Routes sampled to learn the scale of a model's scores; a task has some 8 words that matter."""


def compile_library(library: Library, made_from: str, encoder: StaticEncoder | None) -> bytes:
    """The payload of a model file (see `artifact`). The same library gives the same bytes."""
    texts = route_texts(library.routes, library.prompts, library.tasks)
    weights = classifier.fit(texts, encoder, CHANNEL_WEIGHTS)
    arrays = _lexicon("term", weights.terms) | _lexicon("gram", weights.grams)
    arrays["bias"] = weights.bias.astype("<f4")
    arrays["tasks"] = _bytes(artifact.labelled(library.tasks))
    if encoder is not None and weights.senses is not None:
        arrays["sense_pieces"] = _joined(list(encoder.pieces))
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
        terms=_empty(weights.terms),
        grams=_empty(weights.grams),
        senses=None,
        bias=(),
    )
    arrays["meta"] = _bytes(artifact.metadata(model))
    scored = artifact.unpack({name: array.data for name, array in arrays.items()})
    arrays["meta"] = _bytes(artifact.metadata(replace(model, scale=_scale(scored, texts))))
    return _npz(arrays)


def _scale(model: Model, texts: Sequence[RouteText]) -> Scale:
    """How the model's scores are to be read, from tasks made of the routes' own words.

    A word is drawn from a field as often as the field weighs.
    """
    chance = random.Random(0)  # noqa: S311 - a fixed choice, not a secret
    scorer = Scorer(model)
    own: list[float] = []
    unrelated: list[float] = []
    for number in chance.sample(range(len(texts)), min(len(texts), SCALE_ROUTES)):
        said = [
            (weight, list(dict.fromkeys(found)))
            for field, weight in FIELD_WEIGHTS.items()
            if (found := words(getattr(texts[number], field)))
        ]
        weights = [weight for weight, _ in said]
        drawn = chance.choices([found for _, found in said], weights, k=SCALE_WORDS) if said else []
        totals = scorer.score(" ".join(chance.choice(found) for found in drawn)).totals
        own.append(totals[number])
        if len(totals) > 1:
            unrelated.append((sum(totals) - totals[number]) / (len(totals) - 1))
    # Rounded: the last digits of a sum of products differ between processors.
    return Scale(
        unrelated=round(fmean(unrelated), 4) if unrelated else 0.0, own=round(fmean(own), 4)
    )


def _empty(fitted: classifier.Lexicon) -> Lexicon:
    return Lexicon({}, (), (), (), (), fitted.unseen)


def _lexicon(kind: str, fitted: classifier.Lexicon) -> dict[str, Array]:
    return {
        f"{kind}_names": _joined(fitted.features),
        f"{kind}_starts": fitted.weights.indptr.astype("<i4"),
        f"{kind}_routes": fitted.weights.indices.astype("<i4"),
        f"{kind}_weights": fitted.weights.data.astype("<f4"),
        f"{kind}_idf": fitted.idf.astype("<f4"),
    }


def _joined(names: Sequence[str]) -> NDArray[np.uint8]:
    return _bytes("\0".join(names).encode())


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
