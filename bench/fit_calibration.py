"""Choose the constants of `router/model/calibration.py`: `python bench/fit_calibration.py DATA`.

With a sentence encoder's `MODEL.onnx` as a second argument, those for it alone.

Rows used, none of which any accuracy table reports: the example queries of metatool_small and the
validation rows of clinc150 and banking77, against routes that are known by name and description
alone. Each round draws some routes of a set at random. Queries of the routes left out fit none and
are near misses; queries of the other sets fit none and are far off: half of each.
Half of the rounds fit the logistic model, the other half judge it and choose the threshold.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
from datasets import build, rows, sentence_encoder
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from router.compiler.encoder import StaticEncoder, load_encoder
from router.model.sentences import Encoder, Remembering

SETS = ("metatool_small", "clinc150", "banking77")
ROUTE_COUNTS = (5, 10, 20, 50, 75)
ROUNDS = 8
QUERIES = 120
"""In-scope queries a round; a quarter as many are out of scope, one in five of all."""

Table = NDArray[np.float64]


def queries(folder: Path, name: str) -> list[tuple[str, str | None]]:
    """Texts and the ids of their routes, None for out-of-scope."""
    if name == "metatool_small":
        routes = rows(folder / name / "routes.jsonl")
        return [(text, route["id"]) for route in routes for text in route["examples"]]
    return [(row["text"], row["label"]) for row in rows(folder / name / "valid.jsonl")]


def observe(
    folder: Path, encoder: StaticEncoder | None, sentences: Encoder | None
) -> tuple[Table, Table]:
    """Rows of (score, lead, right, in scope), for fitting and for judging."""
    random.seed(0)
    found: tuple[list[list[float]], list[list[float]]] = ([], [])
    asked = {name: queries(folder, name) for name in SETS}
    for name in SETS:
        routes = rows(folder / name / "routes.jsonl")
        for number in range(ROUNDS):
            for count in ROUTE_COUNTS:
                drawn = [route | {"examples": []} for route in random.sample(routes, count)]
                router, ids = build(drawn, encoder, sentences)
                scale = router.model.scale
                unit = scale.own - scale.unrelated
                known = set(ids.values())
                inside = [query for query in asked[name] if query[1] in known]
                near = [query for query in asked[name] if query[1] not in known]
                # clinc150 and banking77 share the id `exchange_rate`.
                far = [
                    q for other in SETS if other != name for q in asked[other] if q[1] not in known
                ]
                for text, label in [
                    *random.sample(inside, min(len(inside), QUERIES)),
                    *random.sample(near, QUERIES // 8),
                    *random.sample(far, QUERIES // 8),
                ]:
                    candidates = router.route(text, top=2).candidates
                    first, second = candidates[0], candidates[1]
                    right = ids[first.target.agent.path] == label
                    lead = (first.score - max(second.score, scale.unrelated)) / unit
                    score = (first.score - scale.unrelated) / unit
                    found[number % 2].append([score, lead, right, label in known])
    return np.array(found[0]), np.array(found[1])


def main() -> None:
    folder = Path(sys.argv[1])
    kinds: list[tuple[str, StaticEncoder | None, Encoder | None]]
    kinds = [("WITH_SENSES", load_encoder(), None), ("LEXICAL", None, None)]
    if len(sys.argv) > 2:
        sentences = Remembering(sentence_encoder(sys.argv[2]))
        kinds = [("WITH_SENTENCES", load_encoder(), sentences)]
    for title, encoder, used in kinds:
        fitting, judging = observe(folder, encoder, used)
        model = LogisticRegression(C=1e6).fit(fitting[:, :2], fitting[:, 2])
        (score, lead), (bias,) = model.coef_[0], model.intercept_
        sure = model.predict_proba(judging[:, :2])[:, 1]
        right, inside = judging[:, 2] == 1, judging[:, 3] == 1
        # Right: the expected route taken, or none taken where none fits.
        grid = np.arange(0.05, 0.95, 0.01)
        accuracy = [np.mean(np.where(sure >= at, right, ~inside)) for at in grid]
        threshold = float(grid[int(np.argmax(accuracy))])
        print(
            f"{title} = Calibration("
            f"bias={bias:.2f}, score={score:.2f}, lead={lead:.2f}, threshold={threshold:.2f})"
        )
        bins = np.digitize(sure, np.linspace(0, 1, 11)[1:-1])
        gaps = [
            abs(right[bins == b].mean() - sure[bins == b].mean()) * np.mean(bins == b)
            for b in set(bins.tolist())
        ]
        taken = sure >= threshold
        print(
            f"# {len(fitting)} rows fit, {len(judging)} judge: ECE {sum(gaps):.3f},"
            f" accuracy {max(accuracy):.3f}, in scope taken {taken[inside].mean():.3f},"
            f" right when taken {right[taken].mean():.3f},"
            f" out of scope abstained {(~taken)[~inside].mean():.3f}"
        )


if __name__ == "__main__":
    main()
