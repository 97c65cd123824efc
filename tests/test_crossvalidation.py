"""What was learned is judged by tasks that were not learned from; the rest is said to be known."""

from __future__ import annotations

import json
import os
import pty
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.model_selection import StratifiedKFold

from router import Router
from router.evaluation.answers import RANKED, Answer, Ranked, answer_of
from router.evaluation.answers import Router as Asked
from router.evaluation.cases import Case
from router.evaluation.crossvalidation import (
    FEW,
    MANY,
    Comparison,
    Leak,
    Split,
    compare,
    compiler,
    leaks,
    own_cases,
)
from router.evaluation.measuring import Rate, Report, Result, key, stratified
from router.library.records import LabelledTask
from router.terminal.report import (
    MAX_LEAKS,
    changes_table,
    comparison_lines,
    comparison_table,
    leak_lines,
)

FILE = "tasks/learned.jsonl"
SOUP, DOCK, TOW = "cook/main", "pilot/docking-ships", "pilot/towing-ships"
EXAMPLE = ("example", TOW, "agents/pilot.md:19")
USAGE, FAULT = 2, 1


def learned(*rows: tuple[str, str | None]) -> tuple[LabelledTask, ...]:
    return tuple(
        LabelledTask(task, (route,) if route else (), FILE, line)
        for line, (task, route) in enumerate(rows, start=1)
    )


def decided(*routes: str) -> Answer:
    """An answer that takes these routes and has ranked no other."""
    outcome = "routed" if routes else "no-evidence"
    return Answer(routes, tuple(map(Ranked, routes)), outcome)


class Parrot:
    """Compiles a router that only repeats what it has learned, and remembers each compile."""

    def __init__(self) -> None:
        self.compiles: list[tuple[LabelledTask, ...]] = []

    def __call__(self, tasks: tuple[LabelledTask, ...]) -> Asked:
        self.compiles.append(tasks)
        known = {key(row.task): row.expect for row in tasks}
        return lambda task: decided(*known.get(key(task), ()))


def compared(rows: tuple[LabelledTask, ...], **options: Any) -> tuple[Comparison, Parrot]:
    parrot = Parrot()
    return compare(own_cases(rows), rows, parrot(rows), parrot, **options), parrot


ROWS = learned(
    *((f"soup {n}", SOUP) for n in range(7)),
    *((f"berth {n}", DOCK) for n in range(3)),
    *((f"joke {n}", None) for n in range(4)),
    ("the only hawser", TOW),
)


@pytest.mark.parametrize(("folds", "repeats"), [(2, 1), (3, 2), (5, 3), (5, None), (99, None)])
def test_what_only_repeats_scores_nothing(folds: int, repeats: int | None) -> None:
    """Each task is judged once a repeat, by a compile that has not learned it."""
    found, parrot = compared(ROWS, folds=folds, repeats=repeats)
    assert found.split == Split(
        min(folds, len(ROWS)), 1 if folds > len(ROWS) else repeats or 3, seed=0
    )
    whole, nothing, *compiles = parrot.compiles
    assert (whole, nothing) == (ROWS, ())
    assert len(compiles) == found.split.folds * found.split.repeats
    held = Counter(row for tasks in compiles for row in set(ROWS) - set(tasks))
    assert held == dict.fromkeys(ROWS, found.split.repeats)
    for report in found.after:
        assert [result.case.task for result in report.results] == [row.task for row in ROWS]
        assert not any(result.taken for result in report.results)


@pytest.mark.parametrize(("count", "repeats"), [(FEW - 1, 3), (FEW, 2), (MANY - 1, 2), (MANY, 1)])
def test_few_tasks_are_judged_more_often(count: int, repeats: int) -> None:
    found, _ = compared(learned(*((f"soup {n}", SOUP) for n in range(count))))
    assert found.split == Split(5, repeats, 0)


@pytest.mark.parametrize(
    "rows",
    [
        learned(("ship it", DOCK)),
        learned(("ship it", None)),
        learned(("ship it", DOCK), ("Ship it!", DOCK), ("SHIP  IT", SOUP)),
    ],
)
def test_a_single_task(rows: tuple[LabelledTask, ...]) -> None:
    """Tasks of the same words are one, of which the last counts; without it nothing was learned."""
    found, parrot = compared(rows)
    assert parrot.compiles == [rows, (), ()]
    (result,) = found.usual.results
    assert result.case.line == rows[-1].line
    assert found.split == Split(1, 1, 0)
    assert found.paired.changes == ()


def test_folds_are_those_of_the_seed_alone() -> None:
    def compiles(**options: Any) -> list[tuple[LabelledTask, ...]]:
        return compared(ROWS, **options)[1].compiles

    assert compiles() == compiles(seed=0)
    assert compiles(seed=1) == compiles(seed=1) != compiles(seed=0)
    once, twice = compiles(repeats=1), compiles(repeats=2)
    assert twice[: len(once)] == once
    assert twice[len(once) :] != once[2:]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(1, 6), st.integers())
def test_each_part_has_its_share_of_each_label(labels: list[int], parts: int, seed: int) -> None:
    found = stratified(labels, parts, random.Random(seed))
    assert sorted(number for part in found for number in part) == list(range(len(labels)))
    for counted in [range(5), *([label] for label in range(5))]:
        counts = [sum(labels[number] in counted for number in part) for part in found]
        assert max(counts) - min(counts) <= 1


@given(st.lists(st.integers(0, 3), min_size=12, max_size=40))
def test_the_shares_are_those_of_scikit_learn(labels: list[int]) -> None:
    labels = sorted([*labels, *range(4), *range(4), *range(4)])  # it refuses labels of fewer tasks
    theirs = StratifiedKFold(3).split(labels, labels)
    ours = stratified(labels, 3, random.Random(0))
    assert [Counter(labels[number] for number in part) for part in ours] == [
        Counter(labels[number] for number in part) for _, part in theirs
    ]


def test_cases_of_a_file_that_were_not_learned() -> None:
    """What was learned judges them as it is, next to a library without it; nothing is held out."""
    cases = (Case("soup 1 again", (SOUP,), 1, "x"), Case("a joke", (), 2, "x"))
    parrot = Parrot()
    found = compare(cases, ROWS, lambda task: decided(SOUP), parrot)
    assert parrot.compiles == [()]
    assert (found.held_out, found.split, len(found.after)) == (0, None, 1)
    assert [change.kind for change in found.paired.changes] == ["worse", "better"]


def test_only_the_folds_that_hold_a_case_are_compiled() -> None:
    cases = (Case("Soup 3!", (SOUP,), 1, "x"), Case("unheard of", (SOUP,), 2, "x"))
    parrot, told = Parrot(), []
    found = compare(
        cases, ROWS, lambda task: decided(SOUP), parrot, repeats=2,
        notify=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert all(row.task != "soup 3" for tasks in parrot.compiles for row in tasks)
    assert found.held_out == 1
    assert [result.taken for result in found.usual.results] == [(), (SOUP,)]


def reported(*taken: tuple[str, ...], expect: tuple[str, ...] = (SOUP,)) -> Report:
    return Report(
        tuple(
            Result(Case(f"task {n}", expect, n, FILE), decided(*routes))
            for n, routes in enumerate(taken)
        )
    )


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        ((SOUP,), [(SOUP,)], []),
        ((DOCK,), [(SOUP,)], ["better"]),
        ((), [(SOUP,)], ["better"]),
        ((SOUP,), [()], ["worse"]),
        ((SOUP,), [(SOUP, DOCK)], ["worse"]),
        ((DOCK,), [(TOW,)], ["sideways"]),
        ((DOCK,), [()], ["sideways"]),
        ((DOCK, TOW), [(TOW, DOCK)], []),
        # As most of the repeats decide it; of equally many, as the first.
        ((DOCK,), [(), (SOUP,), (SOUP,)], ["better"]),
        ((DOCK,), [(SOUP,), ()], ["better"]),
        ((DOCK,), [(), (SOUP,)], ["sideways"]),
        ((DOCK,), [(DOCK,), (SOUP,), (DOCK,)], []),
    ],
)
def test_changes(before: tuple[str, ...], after: list[tuple[str, ...]], kinds: list[str]) -> None:
    found = Comparison(reported(before), tuple(map(reported, after)), 1, Split(5, len(after), 0))
    assert [change.kind for change in found.paired.changes] == kinds
    assert sum(found.paired.counts.values()) == len(kinds)


def test_rates_are_means_over_the_repeats() -> None:
    """Three passes through two tasks are worth two tasks, not six."""
    before = reported((), (SOUP,))
    after = (
        reported((SOUP,), (SOUP,)),
        reported((DOCK,), (SOUP,)),
        reported((), (SOUP,)),
    )
    rates = Comparison(before, after, 2, Split(5, 3, 0)).rates
    assert rates["accuracy"] == (Rate(1, 2), Rate(4 / 3, 2))
    assert rates["selective_accuracy"] == (Rate(1, 1), Rate(4 / 3, 5 / 3))
    wide, narrow = rates["accuracy"][1].interval, Rate(4, 6).interval
    assert wide[0] < narrow[0] < 4 / 6 < narrow[1] < wide[1]


@pytest.mark.parametrize(
    ("better", "worse", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (1, 1, 1.0), (5, 0, 0.0625), (0, 6, 0.03125), (8, 1, 0.0390625)],
)
def test_mcnemars_exact_test(better: int, worse: int, p: float) -> None:
    """Against hand-worked tails of the binomial distribution; what is sideways does not count."""
    before = reported(*[(DOCK,)] * better, *[(SOUP,)] * worse, (DOCK,), (SOUP,))
    after = reported(*[(SOUP,)] * better, *[(DOCK,)] * worse, (TOW,), (SOUP,))
    found = Comparison(before, (after,), 0, None)
    assert found.paired.counts == {"better": better, "worse": worse, "sideways": 1}
    assert found.paired.p_value == pytest.approx(p)


@given(st.integers(1, 500), st.data())
def test_intervals_of_whole_counts_are_scipys(total: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, total))
    theirs = binomtest(hits, total).proportion_ci(method="wilson")
    assert Rate(hits, total).interval == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library whose learned tasks have words that are nowhere else."""
    import shutil

    root = tmp_path_factory.mktemp("harbour") / "loop"
    shutil.copytree(Path(__file__).parent / "libraries/loop", root)
    rows = [
        ("zorgle the flumps", SOUP),  # its words are its own
        ("blixen for the crew", SOUP),
        ("a blixen, and a big one", SOUP),
        ("blixen at noon", SOUP),
        ("more blixen", SOUP),
        ("Towing for BERTH 4!", TOW),  # an Example
        ("who won the match", None),
        ("the quaddle is loose", DOCK),
    ]
    (root / "tasks").mkdir()
    (root / FILE).write_text(
        "".join(json.dumps({"task": task, "expect": route}) + "\n" for task, route in rows)
    )
    return root


def test_a_task_never_scores_itself(harbour: Path) -> None:
    """Its nonsense is known to the library, and not to the one that judges it; that of others is."""
    router = Router.load(harbour)
    rows = router.model.tasks
    assert router.route("zorgle flumps", recall=False).candidates[0].route == SOUP
    found = compare(own_cases(rows), rows, router.route, compiler(router), repeats=2)
    for report in found.after:
        results = {result.case.task: result for result in report.results}
        alone = results["zorgle the flumps"]
        assert (alone.taken, alone.answer.outcome) == ((), "no-evidence")
        assert not results["the quaddle is loose"].taken
        assert results["more blixen"].taken == (SOUP,)
    before = {result.case.task: result for result in found.before.results}
    assert not before["more blixen"].taken
    assert {change.kind for change in found.paired.changes} == {"better"}


def test_what_is_compiled_without_a_task_is_the_library_without_its_line(
    library: Callable[[str], Path],
) -> None:
    root = library("labelled-tasks")
    whole = Router.load(root)
    decide = compiler(whole)(())
    for path in (root / "tasks").iterdir():
        path.unlink()
    bare = Router.load(root)
    for task in ("tag the build", "release it", "what is for lunch"):
        assert answer_of(decide(task)) == answer_of(bare.route(task, top=RANKED))


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("please start TOWING now", [EXAMPLE]),
        ("Zorgle the flumps.", [("learned", SOUP, f"{FILE}:1")]),
        ("who won the match", [("learned", "none", f"{FILE}:7")]),
        (
            "towing for berth 4",
            [EXAMPLE, ("learned", TOW, f"{FILE}:6")],
        ),
        ("towing for berth 44", []),
    ],
)
def test_leaks(harbour: Path, task: str, expected: list[tuple[str, str, str]]) -> None:
    router = Router.load(harbour)
    found = leaks([Case(task, (TOW,), 7, "my.jsonl")], router.routes, router.model.tasks)
    assert [(leak.kind, leak.label, leak.source) for leak in found] == expected
    assert all(line.startswith("my.jsonl:7: warning: ") for line in leak_lines(found))


def test_many_leaks_share_a_line() -> None:
    leak = Leak(Case("x", (), 1, "x"), "example", TOW, "a.md:1")
    assert len(leak_lines([leak] * MAX_LEAKS)) == MAX_LEAKS
    *_, last = leak_lines([leak] * (MAX_LEAKS + 3))
    assert last == "… and 3 more that the library knows; --json has all"


def test_tables() -> None:
    """Lines alone where all cases are in one file, as in the table of misses."""
    before, after = reported((DOCK,), (SOUP,)), reported((SOUP,), (SOUP,))
    found = Comparison(before, (after, before, after), 2, Split(5, 3, 0))
    assert changes_table(found.paired).rows == (("better", "0", "task 0", DOCK, SOUP),)
    table = comparison_table(found)
    assert table.columns == ("", "without what was learned", "with it (cross-validated)")
    assert table.rows[0] == (
        "accuracy",
        "0.500  0.095–0.905  1/2",
        "0.833  0.241–0.987  1.7/2",
    )
    assert comparison_lines(found) == [
        "decided otherwise: 1 of 2 tasks (1 better, 0 worse, 0 sideways;"
        " McNemar's exact test: p = 1)",
        "cross-validated: 2 learned tasks, each judged without it (folds 5, repeats 3, seed 0)",
    ]
    new = Comparison(before, (after,), 0, None)
    assert comparison_table(new).columns[-1] == "with it"
    assert len(comparison_lines(new)) == 1


def test_eval_of_what_was_learned(run: Run, harbour: Path) -> None:
    done = run("eval", "--library", harbour, "--repeats", 1)
    assert done.returncode == 0
    assert f"\t{FILE}" not in done.stdout
    _, changes, _, _, rates, lines, _ = done.stdout.split("\n\n")
    header, *rows = [line.split("\t") for line in changes.splitlines()]
    assert header == ["", "line", "task", "without", "with it"]
    assert ["better", "5", "more blixen", "none (below-threshold)", SOUP] in rows
    assert rates.startswith("\twithout what was learned\twith it (cross-validated)\naccuracy\t0.")
    assert lines.endswith(" each judged without it (folds 5, repeats 1, seed 0)")
    assert done.stderr.splitlines()[-2] == (
        f"{FILE}:6: warning: is an Example of {TOW} (agents/pilot.md:19) and finds itself;"
        " delete one"
    )
    gated = run("eval", "--library", harbour, "--repeats", 1, "--min", "accuracy=1")
    assert gated.returncode == FAULT
    assert "gate: accuracy 0." in gated.stderr


def test_json_depends_on_nothing_but_the_seed(run: Run, harbour: Path) -> None:
    def answer(seed: int, **environment: str) -> Any:
        done = run("eval", "--library", harbour, "--seed", seed, "--json", **environment)
        found = json.loads(done.stdout)
        assert set(found.pop("latency_ms")) == {"p50", "p95", "p99", "max"}
        return found

    one = answer(3, PYTHONHASHSEED="1", OMP_NUM_THREADS="1")
    assert one == answer(3, PYTHONHASHSEED="2", OMP_NUM_THREADS="2")
    learned = one["learned"]
    assert one["cases"] == learned["held_out"] == 8
    assert learned["cross_validation"] == {"folds": 5, "repeats": 3, "seed": 3}
    assert learned["mcnemar"]["better"] == sum(c["kind"] == "better" for c in learned["changes"])
    assert set(one["metrics"]) > set(learned["without_learned"]["metrics"])
    assert [(leak["path"], leak["line"], leak["kind"]) for leak in one["leaks"]] == [
        (FILE, 6, "example")
    ]


def test_eval_of_a_file_beside_what_was_learned(run: Run, harbour: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    rows = [("More blixen!", SOUP), ("blixen tonight", SOUP)]
    file.write_text("".join(json.dumps({"task": t, "expect": r}) + "\n" for t, r in rows))
    done = run("eval", file, "--library", harbour, "--repeats", 1)
    said = f"{file}:1: warning: was learned as `{SOUP}` ({FILE}:5); judged by cross-validation\n"
    assert said in done.stderr
    assert "cross-validated: 1 learned tasks, " in done.stdout
    file.write_text(json.dumps({"task": "blixen tonight", "expect": SOUP}))
    assert "cross-validated" not in run("eval", file, "--library", harbour).stdout


def test_nothing_learned(run: Run, library: Callable[[str], Path], tmp_path: Path) -> None:
    """Without a file there is nothing to judge; with one all is as it would be without learning."""
    root = library("loop")
    done = run("eval", "--library", root)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert done.stderr.endswith(
        "file: the library has learned no task; name a file of sample tasks, or teach it some"
        " with `route learn TASK --as agent/rule`\n"
    )
    file = tmp_path / "mine.jsonl"
    file.write_text('{"task": "Please start towing NOW", "expect": "pilot/towing-ships"}\n')
    done = run("eval", file, "--library", root)
    assert "\taccuracy\n" in done.stdout
    assert "without what was learned" not in done.stdout
    assert f"{file}:1: warning: is an Example of {TOW} (agents/pilot.md:19)" in done.stderr
    answer = json.loads(run("eval", file, "--library", root, "--json").stdout)
    assert [leak["kind"] for leak in answer["leaks"]] == ["example"]
    assert answer["learned"] is None
    assert answer["metrics"]["accuracy"]["value"] == 1.0


def test_on_a_terminal(harbour: Path) -> None:
    """A bar while it compiles, on standard error alone; tables that fit 100 columns."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "router", "eval", "--library", harbour, "--folds", "2"],
        stdout=slave, stderr=slave, stdin=subprocess.DEVNULL,
        env=os.environ | {"COLUMNS": "100", "TERM": "xterm"},
    ) as process:  # fmt: skip
        os.close(slave)
        chunks = []
        while True:
            try:
                chunk = os.read(master, 65536)
            except OSError:  # the other end is closed
                break
            if not chunk:
                break
            chunks.append(chunk)
    os.close(master)
    assert process.returncode == 0
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(chunks).decode())
    assert "7/7" in shown
    lines = shown.splitlines()
    (header,) = (line for line in lines if "without what was learned" in line)
    assert "with it (cross-validated)" in header
    assert any(re.search(r"taken, some rule fits +\d\.\d{3}  0\.\d{3}–\d", x) for x in lines)
