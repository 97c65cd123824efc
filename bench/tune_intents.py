"""Choose when a clause asks for something of its own: `python bench/tune_intents.py`.

Tasks used: `tests/compound.dev.jsonl`, for this alone, and `tests/tasks.dev.jsonl`, which all ask
for one thing. `tests/compound.jsonl` judges and is not read. Prints precision, recall and F1 of
the matches, how many compound tasks and how many single ones are split, for each setting.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from router import Router
from router.decision import deciding
from router.evaluation.cases import read_cases
from router.evaluation.measuring import evaluate

ROOT = Path(__file__).parent.parent
CONFIDENCES = (0.3, 0.4, 0.5, 0.6, 0.7)
PLACES = (3, 5, 7, 10)


def main() -> None:
    router = Router.load(ROOT)
    compound = read_cases(ROOT / "tests/compound.dev.jsonl", router.routes)
    single = read_cases(ROOT / "tests/tasks.dev.jsonl", router.routes)
    print("confidence place  precision recall    F1  split: compound single tasks.dev")
    for setting in itertools.product(CONFIDENCES, PLACES):
        deciding.CLAUSE_CONFIDENCE, deciding.LIKELY = setting
        rates = evaluate(router.route, compound).rates
        precision, recall = rates["match_precision"].value, rates["match_recall"].value
        results = evaluate(router.route, single).results
        others = sum(len(result.taken) > 1 for result in results) / len(results)
        print(
            f"{setting[0]:10} {setting[1]:5}  {precision:9.3f} {recall:6.3f}"
            f" {2 * precision * recall / (precision + recall):5.3f}"
            f" {rates['split_several'].value:16.3f}"
            f" {rates['split_one'].value:6.3f} {others:9.3f}"
        )


if __name__ == "__main__":
    main()
