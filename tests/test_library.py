"""A folder becomes a library; whatever is wrong with its files is a line `path:line: …`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from router.library.discovery import snapshot
from router.library.folder import Library, read_library, split_tools
from router.library.source import Folder
from router.model.calibration import Routing, Slopes

LIBRARIES = Path(__file__).parent / "libraries"


def read(root: Path) -> Library:
    folder = Folder(root)
    return read_library(folder, snapshot(folder))


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("good", []),
        ("crlf", []),
        ("loop", []),
        ("braces", []),
        ("includes", []),
        ("variables", []),
        (
            "bom",
            ["agents/deployer.md:1: warning: starts with a byte order mark; save the file without"],
        ),
        (
            "unclosed-fence",
            [
                "agents/deployer.md:1: front matter is never closed; add a line `---` after its last key"
            ],
        ),
        ("list-front-matter", ["agents/deployer.md:2: must be `key: value` lines, not a list"]),
        ("duplicate-key", ["agents/deployer.md:4: key `name` appears twice; keep one"]),
        (
            "unquoted-colon",
            [
                "agents/deployer.md:3: warning: `description` is not valid YAML and was read as"
                " plain text; put it in quotes"
            ],
        ),
        ("yaml-alias", ["agents/deployer.md:3: uses a YAML alias (`*name`); write the value out"]),
        ("yaml-depth", ["agents/deployer.md:4: is nested deeper than 20 levels"]),
        ("template-syntax", ["agents/deployer.md:5: template: expected token 'name'"]),
        (
            "undefined-variable",
            ["agents/deployer.md:5: template: 'dict object' has no attribute 'projekt'; define it"],
        ),
        ("dead-branch-bomb", ["agents/deployer.md:6: template: `mul` is not allowed here"]),
        (
            "rule-without-use",
            [
                "agents/deployer.md:7: rule `Deploys` has no Use; add `**Use**: [Title](../prompts/file.md)`"
            ],
        ),
        (
            "rule-without-when",
            [
                "agents/deployer.md:7: rule `Deploys` has no When; add `**When**:` with the situation"
            ],
        ),
        ("use-without-link", ["agents/deployer.md:9: rule `Deploys` has no link in its Use; add"]),
        (
            "unknown-field",
            [
                "agents/deployer.md:10: warning: `Rational` is no field of a rule; there are When, Use"
            ],
        ),
        ("field-twice", ["agents/deployer.md:11: rule `Deploys` has `When` twice; keep one"]),
        (
            "rule-twice",
            ["agents/deployer.md:11: two rules are called `Deploys`; their ids must differ"],
        ),
        ("empty-section", ["agents/deployer.md:5: the section has no rule; add `### Title` with"]),
        (
            "missing-prompt",
            [
                "agents/deployer.md:9: warning: prompt `prompts/shop.md` does not exist"
                " (`prompts/ship.md` does); write it or fix the link"
            ],
        ),
        (
            "link-outside",
            ["agents/deployer.md:9: link `../../../etc/passwd` leads outside of the library"],
        ),
        (
            "link-to-the-web",
            [
                "agents/deployer.md:9: link `https://example.org/ship.md` is no file; link to a prompt"
            ],
        ),
        (
            "misspelt-key",
            [
                "agents/deployer.md:1: warning: no `description`; add one sentence",
                "agents/deployer.md:3: key `descripton` is unknown; did you mean `description`?",
            ],
        ),
        ("no-name", ["agents/deployer.md:1: warning: no `name`; add `name: deployer`"]),
        ("bidi-name", [r"agents/deployer.md:2: name `deploy\u202eer` has other than letters"]),
        ("one-name-twice", ["agents/second.md:1: name `deployer` is taken by agents/deployer.md"]),
        (
            "open-code-fence",
            ["prompts/ship.md:11: warning: a code fence is never closed; add `````"],
        ),
        (
            "three-broken",
            [
                "agents/deployer.md:3: YAML: ",
                "agents/tester.md:5: template: ",
                "agents/writer.md:7: rule `Deploys` has no Use",
            ],
        ),
        (
            "labelled-tasks",
            [
                "tasks/release.jsonl:4: warning: no route `deployer/deploy`; did you mean"
                " `deployer/deploys`?",
                "tasks/release.jsonl:5: warning: not JSON: Expecting value",
                "tasks/release.jsonl:6: warning: task:1: is empty; say what is to be done",
                "tasks/release.jsonl:7: warning: labelled `none`, but `deployer/deploys` in"
                " tasks/learned.jsonl:1, which counts; delete one",
            ],
        ),
        ("settings-broken", ["project.yaml:2: YAML: "]),
        (
            "settings-list",
            [
                "project.yaml:1: `languages` must be a list of `- name: …` entries",
                "project.yaml:1: `project` must have `name` and `description` below it",
            ],
        ),
        ("routing", []),
        ("routing-threshold", []),
        (
            "routing-broken",
            [
                "project.yaml:4: key `treshold` is unknown; did you mean `threshold`?",
                "project.yaml:5: `threshold` is 31; it is a confidence, between 0 and 1",
                "project.yaml:7: `bias` is no finite number; write digits, such as 0.31",
                "project.yaml:8: `score` is -1.8; below 0 a better score would be less sure",
                "project.yaml:9: `lead` is no finite number; write digits, such as 0.31",
                "project.yaml:10: key `slope` is unknown; did you mean `score`?",
                "project.yaml:11: key `margin` is unknown; there are threshold, calibration",
            ],
        ),
        (
            "routing-incomplete",
            [
                "project.yaml:2: a calibration without `threshold`; `route tune` finds one",
                "project.yaml:2: no `score`; a calibration has bias, score, lead",
                "project.yaml:3: `bias` is -2000; the limit is 1000",
                "project.yaml:4: `lead` is no finite number; write digits, such as 0.31",
            ],
        ),
        (
            "routing-list",
            ["project.yaml:2: `routing` must have `threshold`, `calibration` below it"],
        ),
        ("empty", ["agents:1: no agent files; add agents/NAME.md with `name` and `description`"]),
    ],
)
def test_faults(name: str, faults: list[str]) -> None:
    found = [str(fault) for fault in read(LIBRARIES / name).faults]
    assert len(found) == len(faults), found
    for line, start in zip(found, faults, strict=True):
        assert line.startswith(start)


def test_a_library_that_is_not_in_the_table_has_no_faults() -> None:
    table = {row[0] for row in test_faults.pytestmark[0].args[1]}  # type: ignore[attr-defined]
    there = {path.name for path in LIBRARIES.iterdir()}
    assert table <= there
    assert [fault for name in there - table for fault in read(LIBRARIES / name).faults] == []


@pytest.mark.parametrize(
    ("name", "routing"),
    [
        ("good", None),
        ("routing", Routing(0.31, Slopes(-1.5, 1.8, 9.0))),
        ("routing-threshold", Routing(1.0)),
        ("routing-broken", None),
    ],
)
def test_routing(name: str, routing: Routing | None) -> None:
    assert read(LIBRARIES / name).routing == routing


def test_templates_see_all_settings(library: Callable[[str], Path]) -> None:
    root = library("loop")
    cook = root / "agents/cook.md"
    cook.write_text(cook.read_text() + "{{ schema.routing.threshold }}")
    project = root / "project.yaml"
    project.write_text(project.read_text() + "routing: {threshold: 0.25}\n")
    found = read(root)
    assert found.routing == Routing(0.25)
    assert found.agents[0].text.endswith("\n0.25")


def test_rules_come_from_the_rendered_section() -> None:
    """Rules made in a loop are rules; what looks like one in a fence or elsewhere is none."""
    library = read(LIBRARIES / "loop")
    assert [route.id for route in library.routes] == [
        "cook/main",
        "pilot/docking-ships",
        "pilot/towing-ships",
    ]
    rule = library.routes[1].rule
    assert rule.when == "A vessel needs docking"
    assert rule.not_when == "The harbour is closed"
    assert rule.examples == ("please start docking now", "docking for berth 4")
    assert rule.rationale == "Safe docking"
    assert [(link.title, link.path) for link in rule.use] == [
        ("Docking", "prompts/docking.md"),
        ("Radio", "prompts/radio.md"),
    ]
    lines = (LIBRARIES / "loop/agents/pilot.md").read_text().split("\n")
    assert lines[rule.line - 1] == "### {{ job|title }} Ships"
    assert lines[rule.use[0].line - 1].startswith("**Use**")


def test_agent_fields() -> None:
    library = read(LIBRARIES / "loop")
    agent = library.agents[1]
    assert agent.role == "Pilot of Harbour"
    assert agent.responsibilities == "Docking\nTowing"
    assert "Dynamic Prompt Selection" in [s.title for s in library.pages[agent.path].sections]


def test_a_file_without_the_section_is_one_implicit_rule() -> None:
    cook = read(LIBRARIES / "loop").agents[0]
    assert cook.text.strip() == "Cook with care in Harbour."
    (rule,) = cook.rules
    assert (rule.title, rule.when, rule.use) == ("cook", cook.description, ())


def test_an_implicit_rule_takes_the_fields_of_its_body(library: Callable[[str], Path]) -> None:
    root = library("loop")
    cook = root / "agents/cook.md"
    cook.write_text(
        cook.read_text()
        + "\n**When**: The crew is hungry\n**Not when**: It is asleep\n\n**Examples**:\n- soup, please\n- 'bake bread'\n\n## More\n- no example\n"
    )
    (rule,) = read(root).agents[0].rules
    assert (rule.when, rule.not_when) == ("The crew is hungry", "It is asleep")
    assert rule.examples == ("soup, please", "bake bread")


def test_labelled_tasks() -> None:
    """What is wrong is left out, and the rest is there."""
    found = [(row.task, row.expect, row.source) for row in read(LIBRARIES / "labelled-tasks").tasks]
    assert found == [
        ("roll it out to the customers", ("deployer/deploys",), "tasks/release.jsonl:1"),
        ("what is for lunch", (), "tasks/release.jsonl:3"),
        ("tag the build", ("deployer/deploys",), "tasks/learned.jsonl:1"),
    ]


def test_tasks_of_an_agent_that_cannot_be_read(library: Callable[[str], Path]) -> None:
    """Its error is the only one: that its rules are missing would be said of every task."""
    root = library("template-syntax")
    (root / "tasks").mkdir()
    (root / "tasks/a.jsonl").write_text('{"task": "x", "expect": "deployer/deploys"}\nnot json\n')
    assert [(fault.path, fault.line) for fault in read(root).faults] == [
        ("agents/deployer.md", 5),
        ("tasks/a.jsonl", 2),
    ]


def test_reading_changes_nothing(library: Callable[[str], Path]) -> None:
    root = library("loop")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    read(root)
    assert before == {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_same_text_with_other_line_ends_is_the_same_library() -> None:
    crlf, good = (read(LIBRARIES / name).agents[0] for name in ("crlf", "good"))
    assert (crlf.text, crlf.rules, crlf.lines) == (good.text, good.rules, good.lines)


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (lambda path: path.symlink_to("/etc/hostname"), "leads outside of the library"),
        (lambda path: os.mkfifo(path), "not a regular file"),
        (
            lambda path: path.write_bytes(b"x" * (1 << 20) + b"x"),
            "1048577 bytes; the limit is 1048576",
        ),
        (lambda path: path.mkdir(), ""),
    ],
    ids=["symlink", "fifo", "large", "folder"],
)
def test_a_prompt_that_must_not_be_read(
    library: Callable[[str], Path], make: Callable[[Path], object], cause: str
) -> None:
    root = library("good")
    prompt = root / "prompts/ship.md"
    prompt.unlink()
    make(prompt)
    (fault,) = read(root).faults
    if cause:
        assert str(fault).startswith(
            f"agents/deployer.md:9: prompt `prompts/ship.md` cannot be read: {cause}"
        )
    else:
        assert "does not exist" in str(fault)


@pytest.mark.parametrize(
    ("name", "make", "fault"),
    [
        ("a.jsonl", lambda path: path.symlink_to("/etc/hostname"), "a.jsonl:1: warning: cannot be read: leads outside of the library"),
        ("a.jsonl", lambda path: os.mkfifo(path), "a.jsonl:1: warning: cannot be read: not a regular file"),
        ("a.jsonl", lambda path: path.write_bytes(b"\n" * ((1 << 20) + 1)), "a.jsonl:1: warning: cannot be read: 1048577 bytes; the limit is 1048576"),
        ("a\u202e.jsonl", lambda path: path.touch(), r"a\u202e.jsonl:1: warning: cannot be read: has invisible characters in its name; rename it"),
        ("a\n.jsonl", lambda path: path.touch(), r"a\n.jsonl:1: warning: cannot be read: has invisible characters"),
        (".a.jsonl", lambda path: path.write_text("an editor's"), None),
        ("notes.txt", lambda path: path.write_text("not for the router"), None),
        ("a.jsonl", lambda path: path.mkdir(), None),
        ("deep/er/a.jsonl", lambda path: path.write_text("x"), "deep/er/a.jsonl:1: warning: not JSON"),
    ],
)  # fmt: skip
def test_task_files_that_are_no_such(
    library: Callable[[str], Path], name: str, make: Callable[[Path], object], fault: str | None
) -> None:
    root = library("good")
    path = root / "tasks" / name
    path.parent.mkdir(parents=True)
    make(path)
    found = read(root)
    assert found.errors == ()
    assert [str(found)[: len(f"tasks/{fault}")] for found in found.faults] == (
        [f"tasks/{fault}"] if fault else []
    )


def test_tasks_may_not_be_a_folder_elsewhere(
    library: Callable[[str], Path], tmp_path: Path
) -> None:
    root = library("good")
    (tmp_path / "elsewhere").mkdir()
    (root / "tasks").symlink_to(tmp_path / "elsewhere")
    (fault,) = read(root).faults
    assert str(fault) == (
        "tasks:1: warning: cannot be read: leads outside of the library; only files in it are read"
    )


def test_agents_may_not_be_a_folder_elsewhere(
    library: Callable[[str], Path], tmp_path: Path
) -> None:
    root = library("good")
    (root / "agents").rename(tmp_path / "elsewhere")
    (root / "agents").symlink_to(tmp_path / "elsewhere")
    (fault,) = read(root).faults
    assert str(fault) == (
        "agents:1: cannot be read: leads outside of the library; only files in it are read"
    )


def test_names_that_cannot_be_seen(library: Callable[[str], Path]) -> None:
    root = library("good")
    (root / "agents/de\u200bployer.md").write_text("---\nname: x\ndescription: y\n---\n")
    (root / "agents/.#deployer.md").write_text("an editor's lock file")
    (fault,) = read(root).faults
    assert str(fault) == (
        r"agents/de\u200bployer.md:1: cannot be read: has invisible characters in its name; rename it"
    )


def test_a_link_within_the_library_is_followed(library: Callable[[str], Path]) -> None:
    root = library("good")
    (root / "prompts/ship.md").rename(root / "ship-it.md")
    (root / "prompts/ship.md").symlink_to("../ship-it.md")
    assert read(root).faults == ()


def test_prompts_outside_of_the_usual_folders(library: Callable[[str], Path]) -> None:
    """`.github/prompts/x.md` is found from the root, and as `x.prompt.md`; both are remembered."""
    root = library("good")
    (root / ".github/prompts").mkdir(parents=True)
    (root / "prompts/ship.md").rename(root / ".github/prompts/ship.prompt.md")
    agent = root / "agents/deployer.md"
    agent.write_text(agent.read_text().replace("../prompts/ship.md", ".github/prompts/ship.md"))
    found = read(root)
    assert found.faults == ()
    assert found.routes[0].rule.use[0].path == ".github/prompts/ship.prompt.md"
    assert dict(found.outside)[".github/prompts/ship.md"] is None
    assert dict(found.outside)[".github/prompts/ship.prompt.md"] is not None


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("githubRepo, search", ("githubRepo", "search")),
        ("Read Write", ("Read", "Write")),
        ("Bash(git:*, ls), Read", ("Bash(git:*, ls)", "Read")),
        (["a", "b"], ("a", "b")),
        ({"bash": True, "edit": False}, ("bash",)),
        ([], ()),
        (None, ()),
        ("*", ("*",)),
    ],
)
def test_tools(value: object, names: tuple[str, ...]) -> None:
    assert split_tools(value) == names
