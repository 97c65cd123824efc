"""The command line as a user meets it: stdout, stderr, exit codes."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run, told

from router import Router
from router.context.formats import Format
from router.library.tokens import estimate

ROOT = Path(__file__).parent.parent
LIBRARIES = Path(__file__).parent / "libraries"
ROUTED, FAULT, USAGE, ABSTAINED = 0, 1, 2, 3


def test_the_main_job(run: Run) -> None:
    done = run("optimize slow queries")
    assert done.returncode == ROUTED
    assert done.stdout.startswith(
        "# Agent: backend-developer\n\nSource: agents/backend-developer.md\n"
    )
    places = [
        done.stdout.index(text)
        for text in (
            "Backend specialist for Storefront",
            "# Prompt: Database Optimization\n\nSource: prompts/database-optimization.md",
            "# Prompt: Query Analysis\n\nSource: prompts/query-analysis.md",
            "# Rationale: Database Optimization",
            "# Task\n\n```\noptimize slow queries\n```\n",
        )
    ]
    assert places == sorted(places)
    (line,) = done.stderr.splitlines()[-1:]
    assert line.startswith("backend-developer / Database Optimization  ")
    assert "queries" in line


def test_words_need_no_quotes(run: Run) -> None:
    assert run("optimize", "slow", "queries").stdout == run("optimize slow queries").stdout


def test_json(run: Run) -> None:
    done = run("optimize slow queries", "--json", "--top", 2)
    answer = json.loads(done.stdout)
    (match,) = answer["decision"]["matches"]
    assert match["route"] == "backend-developer/database-optimization"
    assert len(answer["decision"]["candidates"]) == 2
    assert [part["role"] for part in answer["context"]["parts"]][-1] == "task"


def test_abstention(run: Run) -> None:
    done = run("xqzt flrb")
    assert (done.returncode, done.stdout) == (ABSTAINED, "")
    assert told(done) == "abstained: no word of the task is known to the library\n"
    answer = json.loads(run("xqzt flrb", "--json").stdout)
    assert answer["decision"]["outcome"] == "no-evidence"


@pytest.mark.parametrize(
    ("arguments", "stdin", "task"),
    [
        (["-"], "optimize slow queries\n", "optimize slow queries"),
        (["optimize", "-"], "slow queries", "optimize\n\nslow queries"),
        (["optimize"], "slow queries", "optimize\n\nslow queries"),
        (["optimize slow queries"], "", "optimize slow queries"),
    ],
)
def test_standard_input_joins_or_replaces_the_task(
    run: Run, arguments: list[str], stdin: str, task: str
) -> None:
    answer = json.loads(run(*arguments, "--json", stdin=stdin).stdout)
    assert answer["decision"]["task"] == task


def test_a_silent_pipe_does_not_hang() -> None:
    reading, writing = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "router", "optimize slow queries"],
            stdin=reading, cwd=ROOT, capture_output=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(reading)
        os.close(writing)
    assert done.returncode == ROUTED


def test_a_loop_over_a_file_keeps_its_lines(tmp_path: Path) -> None:
    """`while read task; do route "$task"; done < tasks` must not lose the other tasks."""
    tasks = tmp_path / "tasks"
    tasks.write_text("optimize slow queries\nanything\n")
    with tasks.open("rb", buffering=0) as file:
        file.readline()
        at = file.tell()
        subprocess.run(
            [sys.executable, "-m", "router", "optimize slow queries"],
            stdin=file, cwd=ROOT, capture_output=True, timeout=60, check=True,
        )  # fmt: skip
        assert file.tell() == at


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([""], FAULT, "task:1: is empty; say what is to be done\n"),
        (["why", ""], FAULT, "task:1: is empty"),
        (["x", "--agent", "testr"], USAGE, "agent: no agent `testr`; did you mean `tester`?\n"),
        (["x", "--library", "/nowhere"], USAGE, "library: /nowhere is not a folder\n"),
        (["x", "--top", "0"], USAGE, "Usage: "),
        (["x", "--nonsense"], USAGE, "Usage: "),
        (["eval", "nowhere.jsonl"], FAULT, "nowhere.jsonl:1: cannot be read: no such file"),
        (
            ["x", "--library", LIBRARIES / "empty"],
            FAULT,
            "agents:1: no agent files; add agents/NAME.md",
        ),
    ],
)
def test_errors(run: Run, arguments: list[object], code: int, message: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert told(done).startswith(message)


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        ("x" * 10_000_000, "task:1: has 1048576 bytes; the limit is 32768"),
        ("a\nb\0", "task:2: contains a NUL byte; remove it"),
    ],
    ids=["10 MB", "nul"],
)
def test_tasks_from_standard_input_that_are_refused(run: Run, stdin: str, message: str) -> None:
    done = run("-", stdin=stdin)
    assert (done.returncode, done.stdout) == (FAULT, "")
    assert told(done).startswith(message)


def test_undecodable_input(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "router", "-"],
        input=b"ok\n\xff\xfe", cwd=ROOT, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == FAULT
    assert done.stderr.decode().startswith("task:2: is not valid Unicode text")


def test_three_broken_files_in_one_run(run: Run) -> None:
    done = run("ship it", "--library", LIBRARIES / "three-broken")
    assert done.returncode == FAULT
    assert [line.split(":")[:2] for line in told(done).splitlines()] == [
        ["agents/deployer.md", "3"],
        ["agents/tester.md", "5"],
        ["agents/writer.md", "7"],
    ]


def test_a_missing_prompt_is_named_on_stderr_each_time(run: Run) -> None:
    for _ in range(2):
        done = run("shipping a release", "--library", LIBRARIES / "missing-prompt")
        assert done.returncode == ROUTED
        assert done.stderr.endswith("missing prompt: ../prompts/shop.md\n")
        assert "# Missing prompt: Ship" in done.stdout


def test_why(run: Run) -> None:
    """A block for each candidate: its words with the fields that have them, then what is missing."""
    done = run("why", "optimize slow queries", "--top", 2, COLUMNS="80")
    first, speaks, *rest = done.stdout.splitlines()
    assert re.fullmatch(
        r"1  backend-developer/database-optimization  (1\.00|0\.9\d)  score \d\.\d{3}", first
    )
    assert re.fullmatch(r"   for      queries \+\d\.\d\d \(when, [a-z, ]+, …\),", speaks)
    assert any(line.startswith("2  ") for line in rest)
    assert any(re.match(r"   against  queries −\d\.\d\d", line) for line in rest)
    assert rest[-2] == ""
    assert re.fullmatch(
        r"margin: \S+/\S+ lacks \d\.\d\d of score \(0\.\d\d of confidence\) to win", rest[-1]
    )
    assert max(map(len, [first, speaks, *rest[:-1]])) <= 80
    assert run("why", "xqzt flrb").returncode == ABSTAINED


def test_why_of_a_route_that_is_far_behind(run: Run) -> None:
    done = run("why", "optimize slow queries", "--top", 1, "--to", "tester/flaky-tests")
    heads = [line for line in done.stdout.splitlines() if line[:1].isdigit()]
    assert [head.split()[1] for head in heads] == [
        "backend-developer/database-optimization",
        "tester/flaky-tests",
    ]
    assert int(heads[1].split()[0]) > 2
    assert "\nmargin: tester/flaky-tests lacks " in done.stdout


def test_why_with_an_edit(run: Run, library: Callable[[str], Path]) -> None:
    """It says what it tries, and where to write what helps; JSON has everything."""
    root = library("good")
    done = run("why", "the zorgle flumps", "--flip", "--to", "deployer/deploys", "--library", root)
    assert done.returncode == ABSTAINED
    assert re.search(r'^trying "\w+" in deployer/deploys …$', done.stderr, re.M)
    last = done.stdout.splitlines()[-1]
    assert re.fullmatch(
        r'add "[a-z ]+" to the When of deployer/deploys \(agents/deployer\.md:\d+\)'
        r" and it is taken with 0\.\d\d",
        last,
    )
    told = run(
        "why",
        "the zorgle flumps",
        "--flip",
        "--to",
        "deployer/deploys",
        "--json",
        "--library",
        root,
    )
    answer = json.loads(told.stdout)
    assert {"outcome", "candidates", "evidence", "margin", "flip"} <= set(answer)
    assert f'add "{answer["flip"]["edit"]["add"]}" to ' in last
    said = answer["evidence"][0]["words"][0]
    assert said["contribution"] == pytest.approx(sum(said["channels"].values()), abs=2e-4)
    assert json.loads(run("why", "x", "--json", "--library", root).stdout)["flip"] is None


def test_why_to_a_route_that_is_not_there(run: Run) -> None:
    done = run("why", "optimize slow queries", "--to", "tester/flaky-test")
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert done.stderr.endswith(
        "no route `tester/flaky-test`; did you mean `tester/flaky-tests`?\n"
    )


def test_rules(run: Run) -> None:
    rows = [
        line.split("\t")
        for line in run("rules", "--agent", "backend-developer").stdout.splitlines()
    ]
    assert rows[2] == [
        "backend-developer/database-optimization",
        "prompts/database-optimization.md + prompts/query-analysis.md",
        "agents/backend-developer.md:24",
    ]
    described = json.loads(run("rules", "--json").stdout)
    assert {"route", "when", "bundle", "source"} <= set(described[0])


def test_compile(run: Run, library: Callable[[str], Path]) -> None:
    root = library("missing-prompt")
    first, second = (run("compile", "--library", root) for _ in range(2))
    for done in (first, second):
        assert done.stdout.startswith("missing-prompt: 1 agents, 1 rules, 1 prompts, 1 warnings; ")
        assert done.stderr.count("prompt `prompts/shop.md` does not exist") == 1
    assert json.loads(run("compile", "--library", root, "--json").stdout)["rules"] == 1


def test_eval(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "tasks.jsonl"
    right = {
        "task": "optimize slow database queries",
        "expect": "backend-developer/database-optimization",
    }
    wrong = {"task": "optimize slow database queries", "expect": "tester/unit-testing"}
    file.write_text(json.dumps(right) + "\n" + json.dumps(wrong) + "\n")
    done = run("eval", file)
    assert done.returncode == ROUTED
    half = "0.500  0.095–0.905  1/2"
    assert f"\naccuracy\t{half}\t{half}\n" in done.stdout  # without what was learned, and with it
    assert "tester/unit-testing\tbackend-developer/database-optimization" in done.stdout
    gated = run("eval", file, "--min", "accuracy=0.9")
    assert gated.returncode == FAULT
    assert gated.stderr.endswith("gate: accuracy 0.500 (95 %: 0.095–0.905) is below 0.9\n")
    assert run("eval", file, "--min", "accuracy=0.5").returncode == ROUTED
    assert json.loads(run("eval", file, "--json").stdout)["metrics"]["accuracy"]["hits"] == 1


def test_eval_draws_a_bar_on_a_terminal_alone(run: Run, library: Callable[[str], Path]) -> None:
    root = library("crew")
    (root / "tasks").mkdir()
    rows = [f'{{"task": "broth number {n}", "expect": "cook/soups"}}\n' for n in range(4)]
    (root / "tasks/learned.jsonl").write_text("".join(rows))
    drawn = on_terminal("eval", "--repeats", "1", cwd=root, stream="stderr")
    assert "━" in drawn
    assert "compiling" in drawn
    assert "\x1b[2K" in drawn
    assert "━" not in run("eval", "--repeats", "1", cwd=root).stderr


def test_learn(run: Run, library: Callable[[str], Path]) -> None:
    """One line says what was learned and where; another, what the router would have done."""
    root = library("loop")
    task = "the zorgle\nflumps"

    def learn(*arguments: object) -> tuple[str, str]:
        done = run("learn", task, *arguments, "--library", root)
        assert done.returncode == ROUTED
        return done.stdout, done.stderr.splitlines()[-1]

    said = '"the zorgle flumps" → cook/main (tasks/learned.jsonl:1)'
    assert learn("--as", "cook/main") == (
        f"learned: {said}\n",
        "until now: abstained: no word of the task is known to the library",
    )
    out, before = learn("--as", "cook/main")
    assert out == f"known: {said}\n"
    assert before == "already so: cook / cook  1.00  (as taught)"
    why = run("why", task, "--library", root)
    assert why.returncode == ROUTED
    taught, words = why.stderr.splitlines()[-2:]
    assert taught == "cook / cook  1.00  (as taught)"
    assert words.startswith("by its words alone: ")
    as_json = json.loads(run("why", task, "--library", root, "--json").stdout)
    assert as_json["outcome"] == "taught"
    out, before = learn("--none")
    assert out == (
        'learned: "the zorgle flumps" → none (tasks/learned.jsonl:2),'
        " instead of cook/main (tasks/learned.jsonl:1)\n"
    )
    assert before == "until now: cook / cook  1.00  (as taught)"
    rows = [json.loads(line) for line in (root / "tasks/learned.jsonl").read_text().splitlines()]
    assert rows == [{"task": task, "expect": "cook/main"}, {"task": task, "expect": None}]
    compiled = run("compile", "--library", root)
    assert compiled.stdout.startswith("Harbour: 2 agents, 3 rules, 3 prompts, 1 warnings; ")
    assert "tasks/learned.jsonl:1: warning: labelled `cook/main`, but `none`" in compiled.stderr


def test_learn_from_standard_input(run: Run, library: Callable[[str], Path]) -> None:
    root = library("good")
    done = run("learn", "-", "--none", "--json", cwd=root, stdin="a\nb\n")
    assert done.returncode == ROUTED
    answer = json.loads(done.stdout)
    assert answer["before"]["task"] == answer["task"] == "a\nb"
    assert answer["before"]["abstained"]
    assert {key: answer[key] for key in ("expect", "source", "known", "instead_of")} == {
        "expect": [],
        "source": "tasks/learned.jsonl:1",
        "known": False,
        "instead_of": None,
    }


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["x"], USAGE, "label: give either `--as agent/rule` or `--none`\n"),
        (["x", "--as", "deployer/deploys", "--none"], USAGE, "label: give either"),
        (["--none"], USAGE, "Usage: "),
        (["", "--none"], FAULT, "task:1: is empty"),
        (["x", "--as", "deployer/deploy"], USAGE, "route: no route `deployer/deploy`; did you mean `deployer/deploys`?\n"),
        (["x", "--none", "--library", "/nowhere"], USAGE, "library: /nowhere is not a folder"),
        (["x", "--none", "--library", LIBRARIES / "empty"], FAULT, "agents:1: no agent files"),
    ],
)  # fmt: skip
def test_errors_of_learn(
    run: Run, library: Callable[[str], Path], arguments: list[object], code: int, message: str
) -> None:
    root = library("good")
    done = run("learn", *arguments, cwd=root)
    assert (done.returncode, done.stdout) == (code, "")
    assert told(done).startswith(message)
    assert not (root / "tasks").exists()


def test_the_shipped_library_is_not_taught(run: Run, tmp_path: Path) -> None:
    done = run("learn", "x", "--none", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert done.stderr.startswith(
        "library: the one shipped with this program cannot be taught; `route init DIR` makes"
    )
    assert not (ROOT / "tasks/learned.jsonl").exists()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A library of one's own, with the shipped agents and prompts."""
    root = tmp_path / "own"
    for folder in ("agents", "prompts"):
        shutil.copytree(ROOT / folder, root / folder)
    settings, _, _ = (ROOT / "project.yaml").read_text().partition("\nrouting:")
    (root / "project.yaml").write_text(settings)
    return root


def test_tune(run: Run, own: Path) -> None:
    """From the curve to a router that does what was chosen, and back."""
    path = own / "project.yaml"
    old = path.read_bytes()

    def tune(*arguments: object) -> subprocess.CompletedProcess[str]:
        return run("tune", ROOT / "tests/tasks.dev.jsonl", *arguments, "--library", own)

    dry = tune("--coverage", 0.8, "--dry-run")
    assert dry.returncode == ROUTED
    curve, area, expected, last = dry.stdout.split("\n\n")
    header, *rows = [line.split("\t") for line in curve.splitlines()]
    assert header[:3] == ["threshold", "coverage", "precision"]
    assert 10 <= len(rows) <= 15
    (chosen,) = (row for row in rows if row[-1] == "chosen")
    assert float(chosen[3]) >= 0.8
    assert area.startswith("area under risk and coverage (AURC): 0.")
    assert [line.split("\t")[0] for line in expected.splitlines()][
        1
    ] == "precision: right when routed"
    assert last.startswith("not written: threshold 0.")
    assert path.read_bytes() == old

    answer = json.loads(tune("--coverage", 0.8, "--json").stdout)
    assert answer["written"]
    assert answer["cases"] == 61
    assert path.read_bytes().startswith(old + b"\nrouting:\n  threshold: 0.")
    (point,) = (
        point for point in answer["curve"] if point["threshold"] == answer["routing"]["threshold"]
    )
    report = json.loads(
        run("eval", ROOT / "tests/tasks.dev.jsonl", "--library", own, "--json").stdout
    )
    assert report["metrics"]["accuracy"] == point["accuracy"]
    assert report["metrics"]["selective_accuracy"] == point["precision"]

    written = path.read_bytes()
    again = tune("--coverage", 0.8)
    said = f"threshold {point['threshold']:g}, bias {answer['routing']['calibration']['bias']:g},"
    line = old.count(b"\n") + 2
    assert f"\nwritten: project.yaml:{line}: {said}" in again.stdout
    assert f"\nuntil now: {said}" in again.stdout
    assert path.read_bytes() == written

    label = {"task": "book a table", "expect": None}
    impossible = own.parent / "tasks.jsonl"
    impossible.write_text(
        "".join(json.dumps(label | {"task": f"optimize query {n}"}) + "\n" for n in range(20))
    )
    refused = run("tune", impossible, "--precision", 0.5, "--library", own)
    assert refused.returncode == FAULT
    assert "no threshold has a precision of 0.5; the best has 0.000 (0/" in refused.stderr
    assert refused.stderr.endswith("; nothing was written\n")
    assert "\tnearest\n" in refused.stdout
    assert path.read_bytes() == written


def test_tasks_of_the_library_tune_nothing(run: Run, own: Path) -> None:
    (own / "tasks").mkdir()
    rows = (ROOT / "tests/tasks.dev.jsonl").read_text().splitlines(keepends=True)
    lines = [row for row in rows if "accept" not in row]
    (own / "tasks/ours.jsonl").write_text("".join(lines[:30]))
    (own / "tasks.jsonl").write_text("".join([*lines, lines[-1]]))
    done = run("tune", "tasks.jsonl", "--dry-run", cwd=own)
    assert done.returncode == ROUTED
    assert "left out: 30 tasks that the library has learned from\n" in done.stderr
    assert "left out: 1 tasks that repeat others\n" in done.stderr


def test_a_hand_written_setting_is_left_to_its_writer(run: Run, own: Path) -> None:
    path = own / "project.yaml"
    path.write_text("# ours\nrouting: {threshold: 0.5} # for now\n")
    done = run("tune", ROOT / "tests/tasks.dev.jsonl", "--library", own)
    assert done.returncode == FAULT
    (line,) = done.stderr.splitlines()[-1:]
    assert line.startswith(
        "project.yaml:2: `routing` has comments, or is in one line with something"
    )
    assert "; write it by hand: `routing: {threshold: 0." in line
    assert path.read_text() == "# ours\nrouting: {threshold: 0.5} # for now\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], USAGE, "Usage: "),
        (["tasks.jsonl", "--precision", "0.9", "--coverage", "0.9"], USAGE, "wish: give either"),
        (["tasks.jsonl", "--precision", "1.1"], USAGE, "Usage: "),
        (["tasks.jsonl"], FAULT, "tasks.jsonl:1: 1 of 1 tasks to tune on (0 are in the library,"),
        (["nowhere.jsonl"], FAULT, "nowhere.jsonl:1: cannot be read: no such file"),
        (["tasks.jsonl", "--library", "/nowhere"], USAGE, "library: /nowhere is not a folder"),
    ],
)
def test_errors_of_tune(
    run: Run, library: Callable[[str], Path], arguments: list[object], code: int, message: str
) -> None:
    root = library("good")
    (root / "tasks.jsonl").write_text('{"task": "x", "expect": null}\n')
    before = (root / "project.yaml").read_bytes()
    done = run("tune", *arguments, cwd=root)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr  # below the news of a slow compile
    assert (root / "project.yaml").read_bytes() == before


def test_the_shipped_library_is_not_tuned(run: Run, tmp_path: Path) -> None:
    done = run("tune", ROOT / "tests/tasks.dev.jsonl", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert done.stderr.startswith(
        "library: the one shipped with this program cannot be tuned; `route init DIR` makes"
    )


def test_the_library_is_found(run: Run, library: Callable[[str], Path], tmp_path: Path) -> None:
    """--library, else ROUTE_LIBRARY, else the nearest folder upwards, else the shipped one."""
    root = library("good")
    deep = root / "src/deep"
    deep.mkdir(parents=True)
    good, loop = str(root / "agents"), str(LIBRARIES / "loop")
    assert Path(good).is_dir()

    def agents(cwd: Path, *arguments: object, **environment: str) -> set[str]:
        listed = json.loads(run("rules", "--json", *arguments, cwd=cwd, **environment).stdout)
        return {rule["agent"] for rule in listed}

    assert agents(deep) == {"deployer"}
    assert agents(deep, ROUTE_LIBRARY=loop) == {"cook", "pilot"}
    assert agents(deep, "--library", root, ROUTE_LIBRARY=loop) == {"deployer"}
    assert "backend-developer" in agents(tmp_path)


def test_version_and_help(run: Run) -> None:
    assert run("--version").stdout.startswith("whenuse 0.")
    assert "Route a task and print its context" in run("--help").stdout
    assert run().returncode == USAGE


def test_a_reader_that_leaves_early(router: object) -> None:
    done = subprocess.run(
        f"{sys.executable} -m router 'optimize slow queries' 2>/dev/null | head -n 1",
        shell=True, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == "# Agent: backend-developer\n"


def test_on_a_terminal_it_has_colours_and_when_piped_none(run: Run, router: object) -> None:
    assert "\x1b[" not in run("optimize slow queries").stdout
    for arguments in (["optimize slow queries"], ["rules"], ["why", "optimize slow queries"]):
        assert "\x1b[" in on_terminal(*arguments)


def on_terminal(*arguments: str, cwd: Path = ROOT, stream: str = "stdout") -> str:
    """What a command writes to a stream that is a terminal."""
    main, child = pty.openpty()
    nothing = subprocess.DEVNULL
    with subprocess.Popen(
        [sys.executable, "-m", "router", *arguments],
        stdin=nothing, cwd=cwd,
        stdout=child if stream == "stdout" else nothing,
        stderr=child if stream == "stderr" else nothing,
        env=os.environ | {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT)},
    ):  # fmt: skip
        os.close(child)
        shown = b""
        try:
            while chunk := os.read(main, 65536):
                shown += chunk
        except OSError:
            pass  # Linux's way of saying that the other end has closed
    os.close(main)
    return shown.decode()


def test_streams_that_a_parent_left_in_a_bad_state(router: object) -> None:
    """Closed, full or ASCII: a line and an exit code, never a traceback, and data stays data."""
    base = f"{sys.executable} -m router"
    for command, code in (
        (f"{base} 'optimize slow queries' >&-", ROUTED),
        (f"{base} - <&-", FAULT),
        (f"{base} 'optimize slow queries' > /dev/full", FAULT),
        (f"PYTHONIOENCODING=ascii {base} 'optimize slow queries'", ROUTED),
        (
            f"ROUTE_CACHE=/tmp/{'a' * 300} {base} 'shipping a release' --library {LIBRARIES / 'good'}",
            ROUTED,
        ),
    ):
        done = subprocess.run(
            command, shell=True, cwd=ROOT, capture_output=True, timeout=60, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert (done.returncode, b"Traceback" in done.stderr) == (code, False), (
            command,
            done.stderr,
        )
    closed = subprocess.run(
        f"{base} --json 'optimize slow queries' 2>&-", shell=True, cwd=ROOT, capture_output=True,
        timeout=60, check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    json.loads(closed.stdout)


@pytest.mark.parametrize("kind", ["fifo", "folder"])
def test_eval_of_what_is_no_file(run: Run, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "tasks.jsonl"
    os.mkfifo(path) if kind == "fifo" else path.mkdir()
    done = run("eval", path)
    assert done.returncode == FAULT
    assert "is no regular file of at most 64 MB" in done.stderr


def test_tags_choose_cases(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    rows = [
        {"task": "optimize slow queries", "expect": None, "tags": ["old"]},
        {"task": "optimize slow queries", "expect": None, "tags": ["new", "db"]},
        {"task": "book a table", "expect": None},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    counts = [
        json.loads(run("eval", file, "--json", *arguments).stdout)["cases"]
        for arguments in ([], ["--tag", "old"], ["--tag", "old", "--tag", "db"])
    ]
    assert counts == [3, 1, 2]
    refused = run("eval", file, "--tag", "odl")
    assert refused.returncode == USAGE
    assert refused.stderr.endswith("--tag: no task has odl; there are db, new, old\n")


def test_a_budget_says_what_it_dropped(run: Run) -> None:
    done = run("optimize slow queries", "--budget", 1500)
    assert done.returncode == ROUTED
    assert "# Prompt: Query Analysis" not in done.stdout
    assert done.stdout.endswith("# Task\n\n```\noptimize slow queries\n```\n")
    assert {
        "cut: prompts/database-optimization.md:109-121: Worked example, Pitfalls (284 tokens)",
        "dropped: prompts/query-analysis.md:5-108: When to apply, Gather first, Procedure, Checks,"
        " Output format, Worked example, Pitfalls (1548 tokens)",
    } <= set(done.stderr.splitlines())
    assert re.search(
        r"^budget: 14\d\d of 1500 tokens \(estimated\); 28\d\d dropped$", done.stderr, re.M
    )


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("optimize slow queries", "--budget", 5), USAGE, "the smallest that works is 13"),
        (("optimize slow queries", "--budget", 0), USAGE, "--budget"),
        (("optimize slow queries", "--format", "yaml"), USAGE, "no format `yaml`; there are markdown,"),
        (("optimize slow queries", "--json", "--format", "xml"), USAGE, "give either it or"),
        (("show", "tester/unit"), USAGE, "route: no route `tester/unit`"),
        (("show", "tester/unit-testing", "--diff", "x/y"), USAGE, "route: no route `x/y`"),
        (("show", "tester/unit-testing", "--diff", "x/y", "--json"), USAGE, "leave `--diff`"),
    ],
)  # fmt: skip
def test_contexts_that_cannot_be_had(
    run: Run, arguments: tuple[object, ...], status: int, message: str
) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr


@pytest.mark.parametrize("format", ["json", "openai", "anthropic"])
def test_formats_are_what_the_library_makes(run: Run, router: Router, format: Format) -> None:
    done = run("optimize slow queries", "--format", format)
    context = router.assemble(router.route("optimize slow queries"))
    assert done.stdout == context.render(format)


def test_show_is_the_context_without_a_task(run: Run) -> None:
    route = "backend-developer/database-optimization"
    shown, routed = run("show", route).stdout, run("optimize slow queries").stdout
    assert routed == shown + "\n# Task\n\n```\noptimize slow queries\n```\n"
    assert json.loads(run("show", route, "--json").stdout)["route"] == route


def test_show_differs(run: Run) -> None:
    done = run("show", "tester/unit-testing", "--diff", "tester/flaky-tests")
    lines = done.stdout.split("\n")
    assert lines[:2] == ["--- tester/unit-testing", "+++ tester/flaky-tests"]
    assert "-Source: prompts/unit-testing.md" in lines
    assert "+Source: prompts/flaky-test-diagnosis.md" in lines
    assert run("show", "tester/unit-testing", "--diff", "tester/unit-testing").stdout == ""


def test_rules_say_what_a_match_costs(run: Run, router: Router) -> None:
    first, *rows = run("rules", "--tokens").stdout.strip().split("\n")
    assert first == "route\ttokens\tagent\tprompts\tof each prompt"
    assert len(rows) == len(router.routes)
    for row in rows:
        route, tokens, agent, prompts, _ = row.split("\t")
        assert int(tokens) == estimate(router.show(route).text) > int(agent) + int(prompts)
    listed = json.loads(run("rules", "--tokens", "--agent", "tester", "--json").stdout)
    assert set(listed[0]["tokens"]) == {"agent", "prompts", "all"}
