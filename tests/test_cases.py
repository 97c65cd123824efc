"""Files of sample tasks: what each kind of file may say, and what a bad row is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Run

from router import CasesError, Router
from router.evaluation.cases import Case, draft_rows, format_drafts, read_cases

UNIT, LOAD = "tester/unit-testing", "tester/load-testing"
FAULT, USAGE = 1, 2

ROWS = [
    {"task": "mock the clock", "expect": UNIT, "tags": ["time", "mocks"], "weight": 2},
    {"task": "a poem, please", "expect": None},
    {"task": "mock it; then how many users | does it take", "expect": [UNIT, LOAD]},
    {"task": "something on tests", "agent": "tester"},
    {"task": "either will do", "expect": UNIT, "accept": [LOAD], "note": "really"},
    {"task": "not yet", "expect": UNIT, "draft": True},
]

FILES = {
    "x.jsonl": "\n".join(map(json.dumps, ROWS)),
    "x.csv": f"""task,expect,agent,accept,tags,weight,note,draft
mock the clock,{UNIT},,,"time, mocks",2,,
"a poem, please",none,,,,,,
mock it; then how many users | does it take,{UNIT} + {LOAD},,,,,,
something on tests,,tester,,,,,
either will do,{UNIT},,{LOAD},,,really,no
not yet,{UNIT},,,,,,yes
""",
    "x.yaml": f"""# tasks
- {{task: mock the clock, expect: {UNIT}, tags: [time, mocks], weight: 2}}
- task: a poem, please
  expect: null
- task: mock it; then how many users | does it take
  expect: [{UNIT}, {LOAD}]
- {{task: something on tests, agent: tester}}
- {{task: either will do, rule: unit-testing, agent: tester, accept: {LOAD}, note: really}}
- {{task: not yet, expect: {UNIT}, draft: true}}
""",
    "x.md": f"""# Tasks of the testers

| task | expect | tags | weight |
|---|---|---|---|
| mock the clock | `{UNIT}` | time, mocks | 2 |
| a poem, please | none | | |
| mock it; then how many users \\| does it take | `{UNIT}` + `{LOAD}` |

| other | table |
|---|---|
| of | something else |

| Task | Agent | Expect | Accept | Note | Draft |
|---|---|---|---|---|---|
| something on tests | tester | | | | |
| either will do | | {UNIT} | {LOAD} | really | |
| not yet | | {UNIT} | | | yes |
""",
}


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_says_the_same(router: Router, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(FILES[name])
    told: list[str] = []
    cases = read_cases(file, router.routes, told.append)
    own = {route.id for route in router.routes if route.agent.id == "tester"}
    assert [(case.task, case.expect, case.accept) for case in cases] == [
        ("mock the clock", (UNIT,), frozenset()),
        ("a poem, please", (), frozenset()),
        ("mock it; then how many users | does it take", (UNIT, LOAD), frozenset()),
        ("something on tests", (), own),
        ("either will do", (UNIT,), {LOAD}),
    ]
    assert [case.fits for case in cases] == [True, False, True, True, True]
    assert [case.level for case in cases] == ["rule", "rule", "rule", "agent", "rule"]
    assert (cases[0].tags, cases[0].weight, cases[4].note) == (("time", "mocks"), 2.0, "really")
    assert told == [f"{file}: 1 drafts do not count"]
    lines = [case.line for case in cases]
    assert lines == sorted(lines)
    assert "mock the clock" in FILES[name].splitlines()[lines[0] - 1]
    assert "either will do" in FILES[name].splitlines()[lines[4] - 1]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({"bundle": ["prompts/database-optimization.md", "prompts/query-analysis.md"]}, True),
        ({"bundle": ["database-optimization", "query-analysis"]}, True),
        (
            {"bundle": ["query-analysis", "database-optimization"], "agent": "backend-developer"},
            True,
        ),
        ({"bundle": ["database-optimization"]}, "no rule uses database-optimization; see `route"),
        ({"bundle": ["x"], "expect": UNIT}, "`bundle` is not that of the expected rule"),
        (
            {"agent": "tester", "expect": "security/threat-modeling"},
            "`agent` is tester, but `expect`",
        ),
        ({"agent": "testr"}, "no agent `testr`; there are ai-engineer, "),
        ({"expect": None, "agent": "tester"}, "no rule is expected, and yet something is"),
        ({"expect": UNIT, "rule": UNIT}, "`expect` and `rule` say the same; delete one"),
        ({"expect": UNIT, "accept": ["x/y"]}, "no route `x/y`; see `route rules`"),
        ({"expect": UNIT, "weight": 0}, "`weight` is no number above 0"),
        ({"expect": UNIT, "weight": True}, "`weight` is no number above 0"),
        ({"expect": UNIT, "tags": 3}, "`tags` is neither"),
        ({"expect": UNIT, "note": 3}, "`note` is no text"),
        ({"expect": UNIT, "draft": "y"}, "`draft` is neither true nor false"),
    ],
)
def test_what_a_row_may_expect(
    router: Router, tmp_path: Path, row: dict[str, object], rule: bool | str
) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(json.dumps({"task": "x"} | row))
    if rule is True:
        (case,) = read_cases(file, router.routes)
        assert case.accept == {"backend-developer/database-optimization"}
        assert (case.level, len(case.bundles)) == ("bundle", 1)
        return
    with pytest.raises(CasesError) as caught:
        read_cases(file, router.routes)
    assert str(caught.value).startswith(f"{file}:1: {rule}")


@pytest.mark.parametrize(
    ("name", "text", "faults"),
    [
        ("x.csv", "task,expect\nx\ny,zzz\n,none\n", [
            "2: no `expect`", "3: no route `zzz`", "4: no `task`"]),
        ("x.csv", "task,expct\n", ["1: unknown key `expct`; there are accept, "]),
        ("x.csv", "expect\nnone\n", ["1: no column `task`"]),
        ("x.csv", 'task,expect\n"x,none\n', ["2: CSV: unexpected end of data"]),
        ("x.csv", 'task,expect\n"a\nb",none\nx,none,none\n', ["4: has 3 cells for 2 columns"]),
        ("x.csv", "task,expect\n", ["1: no cases; add"]),
        ("x.yaml", "- task: x\n- {task: y, expect: zzz}\n- z\n", [
            "1: no `expect`", "2: no route `zzz`", "3: is no mapping"]),
        ("x.yaml", "task: x\n", ["1: must be a list"]),
        ("x.yaml", "- {task: x\n", ["2: YAML: "]),
        ("x.yaml", "- &a {task: x, expect: null}\n- *a\n", ["2: uses a YAML alias"]),
        ("x.yaml", "- {task: x, task: y, expect: null}\n", ["1: key `task` appears twice"]),
        ("x.yaml", "", ["1: no cases; add"]),
        ("x.md", "nothing\n", ["1: no table of cases"]),
        ("x.md", "| task | expect |\n|---|---|\n| x | |\n| y | zzz |\n", [
            "3: no `expect`", "4: no route `zzz`"]),
        ("x.md", "| task | foo |\n|---|---|\n", ["1: unknown key `foo`"]),
        ("x.jsonl", '{"task": "x", "expect": null, "draft": true}', ["1: only drafts; edit them"]),
    ],
)  # fmt: skip
def test_all_faults_of_a_file_at_once(
    router: Router, tmp_path: Path, name: str, text: str, faults: list[str]
) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(CasesError) as caught:
        read_cases(file, router.routes)
    found = [str(fault) for fault in caught.value.faults]
    assert len(found) == len(faults), found
    for line, start in zip(found, faults, strict=True):
        assert line.startswith(f"{file}:{start}")


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".yaml", ".md"])
def test_drafts_are_read_back_and_do_not_count(router: Router, tmp_path: Path, ending: str) -> None:
    rows = draft_rows(router.routes)
    file = tmp_path / f"x{ending}"
    file.write_text(format_drafts(rows, ending))
    with pytest.raises(CasesError, match="only drafts"):
        read_cases(file, router.routes)
    file.write_text(
        file.read_text()
        .replace('"draft": true', '"draft": false')
        .replace("draft: true", "draft: false")
        .replace(",yes,", ",no,")
        .replace("| yes |", "| no |")
    )
    cases = read_cases(file, router.routes)
    assert [(case.task, case.expect) for case in cases] == [
        (row["task"], (row["expect"],)) for row in rows
    ]


def test_the_command(run: Run, tmp_path: Path) -> None:
    done = run("cases", "new", "--agent", "tester")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["expect"].partition("/")[0] for row in rows} == {"tester"}
    assert all(row["draft"] for row in rows)
    file = tmp_path / "x.csv"
    done = run("cases", "new", file)
    assert done.stderr.endswith("drafts; put each into other words, and delete its `draft`\n")
    old = file.read_bytes()
    for path, message in [
        (file, f"file: {file} is there already; name a new one\n"),
        (tmp_path / "x.txt", "file: `.txt` is no ending of a file of cases; there are .jsonl, "),
    ]:
        done = run("cases", "new", path)
        assert (done.returncode, done.stdout) == (USAGE, "")
        assert done.stderr.startswith(message)
    assert file.read_bytes() == old
    assert run("eval", file).returncode == FAULT


def test_labels_for_people() -> None:
    assert Case("x", ()).label == "none"
    assert Case("x", (UNIT, LOAD)).label == f"{UNIT} + {LOAD}"
    assert Case("x", (UNIT,), accept=frozenset({LOAD})).label == f"{UNIT} or {LOAD}"
    assert Case("x", (), accept=frozenset({UNIT, LOAD}), level="agent").label == "tester/…"
