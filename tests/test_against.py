"""Two versions of a library beside each other: a revision, a folder, an earlier report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run, git

from router.evaluation.answers import Answer
from router.evaluation.cases import Case
from router.evaluation.comparing import Paired
from router.evaluation.measuring import Report, Result

PASSED, FAULT, USAGE = 0, 1, 2
CASES = "tests/tasks.jsonl"
DEPLOYER = "agents/deployer.md"


def swapped(root: Path) -> None:
    """The two rules of the deployer say each other's When: two routes get worse."""
    file = root / DEPLOYER
    text = file.read_text()
    ship, watch = [line for line in text.splitlines() if line.startswith("**When**")]
    file.write_text(text.replace(ship, "@").replace(watch, ship).replace("@", watch))


def snapshot(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name != "FETCH_HEAD"
    }


def test_a_revision_is_read_without_touching_the_tree(run: Run, crew: Path) -> None:
    swapped(crew)
    git(crew, "add", "agents")  # staged, and then changed once more
    with (crew / DEPLOYER).open("a") as file:
        file.write("\n")
    before = snapshot(crew)
    done = run("eval", CASES, "--against", "HEAD", cwd=crew)
    assert done.returncode == PASSED
    assert snapshot(crew) == before
    assert [line for line in done.stdout.splitlines() if line.startswith("worse")] == [
        "worse\t1\troll back the release in production\tdeployer/releases\tdeployer/alerts",
        "worse\t2\twhich alert fires on the dashboards\tdeployer/alerts\tdeployer/releases",
    ]
    assert done.stdout.endswith(
        "against HEAD: decided otherwise: 2 of 4 tasks (0 better, 2 worse, 0 sideways;"
        " McNemar's exact test: p = 0.5)\n"
    )


def test_a_gate_on_what_is_worse(run: Run, crew: Path) -> None:
    swapped(crew)
    git(crew, "commit", "-qam", "Swap")
    for against, limit, status in [
        ("HEAD~1", "worse:0", FAULT),
        ("HEAD~1", "worse:2", PASSED),
        ("HEAD~1", "better:0", PASSED),
        ("HEAD", "worse:0", PASSED),
    ]:
        done = run("eval", CASES, "--against", against, "--fail-on", limit, cwd=crew)
        assert done.returncode == status, (against, limit, done.stderr)
        assert ("gate: 2 tasks are worse; at most 0 may be\n" in done.stderr) == bool(status)


def test_a_library_below_the_top_of_its_repository(
    run: Run, library: Callable[[str], Path], tmp_path: Path
) -> None:
    root = library("crew")
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents/broken.md").write_text("---\nno: [\n---\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "First")
    git(tmp_path, "tag", "-a", "v1", "-m", "v1")
    swapped(root)
    done = run("eval", CASES, "--against", "v1", "--json", cwd=root)
    assert json.loads(done.stdout)["against"]["mcnemar"] == {
        "better": 0, "worse": 2, "sideways": 0, "p": 0.5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".cursor/rules/{0}.mdc", "---\ndescription: {1}\n---\nDo it.\n"),
        (".gemini/commands/{0}.toml", 'description = "{1}"\nprompt = "Do it."\n'),
        (".claude/agents/{0}.md", "---\nname: {0}\ndescription: {1}\n---\nDo it.\n"),
    ],
)
def test_a_library_of_another_tool(run: Run, tmp_path: Path, path: str, text: str) -> None:
    """Every file that a library may be read from is read from a revision."""
    said = {"cook": "Cooking soup and broth", "ship": "Shipping a release", "scout": "Birds"}
    for name, when in said.items():
        file = tmp_path / path.format(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.format(name, when))
    (tmp_path / "cases.csv").write_text("task,expect\nwhat a day,none\nxqzt,none\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "First")
    done = run("eval", "cases.csv", "--library", ".", "--against", "HEAD", cwd=tmp_path)
    assert done.returncode == PASSED, done.stderr
    assert "against HEAD: decided otherwise: 0 of 2 tasks" in done.stdout


def test_a_folder_and_an_earlier_report(
    run: Run, library: Callable[[str], Path], tmp_path: Path
) -> None:
    root = library("crew")
    other = tmp_path / "other"
    shutil.copytree(root, other)
    swapped(root)
    report = tmp_path / "report.json"
    report.write_text(run("eval", root / CASES, "--library", other, "--json").stdout)
    with (root / CASES).open("a") as file:
        file.write('{"task": "chicken broth", "expect": "cook/soups"}\n')
    for target, judged, missing in [(other, 5, 0), (report, 4, 1)]:
        done = run("eval", CASES, "--against", target, "--json", cwd=root)
        found = json.loads(done.stdout)["against"]
        assert (found["cases"], len(found["missing"])) == (judged, missing)
        assert {change["kind"] for change in found["changes"]} == {"worse"}
        assert ("has no answer to 1 of the tasks" in done.stderr) == bool(missing)


@pytest.mark.parametrize(
    ("target", "status", "message"),
    [
        ("nope", USAGE, "--against: git: Needed a single revision; name a revision, a folder"),
        ("--help", USAGE, "--against: git: "),
        ("HEAD:agents", USAGE, "--against: git: "),
        ("tests/tasks.jsonl", FAULT, "tests/tasks.jsonl:1: is no report; write one with"),
        ("tests", FAULT, "tests:agents:1: no agent files"),
    ],
)
def test_what_cannot_be_compared_with(
    run: Run, crew: Path, target: str, status: int, message: str
) -> None:
    done = run("eval", CASES, f"--against={target}", cwd=crew)
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_no_repository(run: Run, library: Callable[[str], Path]) -> None:
    done = run("eval", CASES, "--against", "HEAD", cwd=library("crew"))
    assert done.returncode == USAGE
    assert "--against: git: not a git repository" in done.stderr


@pytest.mark.parametrize(
    ("expect", "before", "after", "kind"),
    [
        ("a/x", "a/y", "a/x", "better"),
        ("a/x", "a/x", "", "worse"),
        ("a/x", "a/y", "a/z", "sideways"),
        ("", "a/x", "", "better"),
        ("", "a/x", "a/y", "sideways"),
        ("a/x", "a/x", "a/x", None),
        ("", "", "", None),
    ],
)
def test_kinds_of_change(expect: str, before: str, after: str, kind: str | None) -> None:
    def report(taken: str) -> Report:
        case = Case("x", (expect,) if expect else ())
        return Report((Result(case, Answer((taken,) if taken else ())),))

    paired = Paired(report(before), report(after))
    assert [change.kind for change in paired.changes] == ([kind] if kind else [])
    assert sum(paired.counts.values()) == len(paired.changes)
    assert paired.p_value == 1.0
