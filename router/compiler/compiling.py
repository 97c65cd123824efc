"""A library to a model file's bytes: texts of each route → fitted weights → flat arrays."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter
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
from router.model.scores import CHANNEL_WEIGHTS, MANY, SENTENCE_WEIGHT, Lexicon, Model, Scorer
from router.model.sentences import Encoder, Remembering, Sentences
from router.model.text import words

Array = NDArray[np.float32] | NDArray[np.int32] | NDArray[np.uint8]

LOCAL_HEADER, PADDING = 30, 0x5750
"""Bytes of a zip member's header without name and extra field; the id of ours in that field."""

MAX_RANK, MIN_RANK, MAX_ROUTE_NUMBERS = 256, 32, 12_800_000
"""Dimensions of the vectors where routes are many, and numbers in those of all routes: 51 MB, 128
dimensions for 100,000 routes. On the 199 routes of metatool_small, 256 dimensions of 512 lose no
task, 128 0.7 points and 64 0.9."""

SCALE_ROUTES, SCALE_WORDS, BACKGROUND_TASKS = 200, 8, 160
"""Routes and background tasks sampled to learn the scale of a model's scores; a task has some 8
words that matter."""


def compile_library(
    library: Library,
    made_from: str,
    encoder: StaticEncoder | None,
    sentences: Encoder | None = None,
) -> bytes:
    """The payload of a model file (see `artifact`). The same library gives the same bytes.

    With `sentences`, an encoder of whole texts, it has the routes' vectors of that one as well.
    """
    sentences = Remembering(sentences) if sentences else None
    texts = route_texts(library.routes, library.prompts, library.tasks)
    # What fits no rule is learned as one more route, which can only win against the others.
    learned_from = [*texts, *none_text(library.tasks)]
    channel_weights = (*CHANNEL_WEIGHTS, SENTENCE_WEIGHT)
    weights = classifier.fit(learned_from, encoder, channel_weights, sentences=sentences)
    arrays = _lexicon("term", weights.terms) | _lexicon("gram", weights.grams)
    arrays["bias"] = weights.bias.astype("<f4")
    arrays["tasks"] = _bytes(artifact.labelled(library.tasks))
    arrays |= _taught(library)
    arrays["pages"] = _bytes(artifact.paged(library.pages))
    if encoder is not None and weights.senses is not None:
        arrays |= _names("sense", list(encoder.pieces)) | _senses(encoder, weights.senses)
    if weights.sentences is not None:
        arrays["sentences"] = weights.sentences.astype("<f4").ravel()
    model = Model(
        made_from=made_from,
        project=library.project,
        encoder=encoder.name if encoder else None,
        agents=library.agents,
        prompts=library.prompts,
        warnings=library.faults,
        outside=library.outside,
        scale=Scale(),
        calibration=shipped(senses=encoder is not None, sentences=sentences is not None),
        routing=library.routing,
        terms=_empty(weights.terms),
        grams=_empty(weights.grams),
        senses=None,
        bias=(),
        sentences=Sentences(sentences.name, ()) if sentences else None,
    )
    arrays["meta"] = _bytes(artifact.metadata(model))
    unpacked = artifact.unpack({name: array.data for name, array in arrays.items()})
    scorer = Scorer(unpacked, encoder=sentences)
    background = classifier.BACKGROUND.read_text("utf-8").splitlines()
    sample = background[:: len(background) // BACKGROUND_TASKS]
    scores = np.array([np.asarray(scorer.score(task).totals) for task in sample])
    scale = _scale(scorer, texts, scores)
    calibration, scale = _calibration(
        model.calibration, scale, weights.held_out, scores, len(texts)
    )
    model = replace(model, scale=scale, calibration=calibration)
    arrays["meta"] = _bytes(artifact.metadata(model))
    return _npz(arrays)


def library_of(model: Model) -> Library:
    """The library that a model was compiled from, to be compiled again with something changed.

    Nothing is read or rendered again. Compiled as it is, it gives the same model.
    """
    return Library(
        root="",
        project=model.project,
        agents=model.agents,
        prompts=model.prompts,
        faults=model.warnings,
        outside=model.outside,
        routing=model.routing,
        tasks=model.tasks,
        pages=model.pages,
    )


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
) -> tuple[Calibration, Scale]:
    """What held-out examples say of confidence in this model; without any, the `prior`.

    Where it was learned what fits no route, they also say whether rivals have a floor besides.

    `background` tasks count as wrong, together a quarter of the examples: what the shipped
    calibration was fitted to.
    """
    if held_out is None:
        return prior, scale
    totals = np.concatenate([held_out[0], background])
    labels = np.concatenate([held_out[1], np.full(len(background), -1)])
    best = totals[:, :count].argmax(axis=1)
    rows = np.arange(len(totals))
    scores = totals[rows, best]
    others = totals.copy()
    others[rows, best] = -np.inf
    rivals = others.max(axis=1)
    share = len(held_out[0]) / (4 * len(background))
    right, counts = (best == labels).tolist(), np.where(labels < 0, share, 1.0).tolist()

    found = []
    for read in [scale, replace(scale, floored=False)] if totals.shape[1] > count else [scale]:
        tasks = logistic.Tasks(
            [read.of(score) for score in scores.tolist()],
            [read.rival(rival) for rival in rivals.tolist()],
            right,
            counts,
        )
        calibration = logistic.fit(tasks, prior)
        found.append((logistic.loss(tasks, calibration), calibration, read))
    _, calibration, read = min(found, key=itemgetter(0))
    return calibration, read


def _senses(encoder: StaticEncoder, routes: NDArray[np.float32]) -> dict[str, Array]:
    """What each piece says for each route; of many routes their vectors and the pieces'."""
    squares = np.square(encoder.vectors).sum(axis=1).astype("<f4")
    if len(routes) <= MANY:
        rows = encoder.vectors @ routes.T
        return {"sense_rows": rows.astype("<f4").ravel(), "sense_squares": squares}
    vectors = encoder.vectors
    rank = min(MAX_RANK, max(MIN_RANK, MAX_ROUTE_NUMBERS // len(routes)))
    if rank < vectors.shape[1]:
        # The directions in which routes differ most (their principal axes, not centred).
        axes = np.linalg.eigh(routes.T.astype(np.float64) @ routes)[1][:, : -rank - 1 : -1]
        vectors, routes = vectors @ axes, routes @ axes
    return {
        "sense_rows": vectors.astype("<f4").ravel(),
        "sense_squares": squares,
        "sense_routes": routes.T.astype("<f4").ravel(),
    }


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


def _taught(library: Library) -> dict[str, Array]:
    """The labels of tasks by the tasks' words; of two labels for the same words the later."""
    numbers = {route.id: number for number, route in enumerate(library.routes)}
    found = {
        " ".join(said): [numbers[route] for route in task.expect if route in numbers]
        for task in library.tasks
        if (said := words(task.task))
    }
    starts = np.cumsum([0, *map(len, found.values())])
    routes = [number for labels in found.values() for number in labels]
    return _names("taught", list(found)) | {
        "taught_starts": starts.astype("<i4"),
        "taught_routes": np.array(routes, dtype="<i4"),
    }


def _bytes(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, dtype=np.uint8)


def _npz(arrays: dict[str, Array]) -> bytes:
    """As `numpy.savez`, but with the same bytes each time: members sorted, of no date."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            info = zipfile.ZipInfo(f"{name}.npy")
            # A field that nobody reads, so that the numbers lie where a processor likes them.
            start = artifact.HEADER_SIZE + buffer.tell() + LOCAL_HEADER + len(info.filename) + 4
            size = -start % artifact.ALIGNMENT
            info.extra = struct.pack("<HH", PADDING, size) + bytes(size)
            member = io.BytesIO()
            np.lib.format.write_array(member, arrays[name], version=(1, 0), allow_pickle=False)
            archive.writestr(info, member.getbuffer())
    return buffer.getvalue()
