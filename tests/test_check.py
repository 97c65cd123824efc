"""What is found in a library: a row for each code, and what `--fix` makes of it."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest
import yaml
from conftest import ROOT, Run

from router.checking import catalogue, checking, fixing
from router.checking.settings import Settings, read_settings
from router.errors import Fault, LibraryError
from router.library.discovery import snapshot
from router.library.folder import read_library
from router.library.source import Folder
from router.terminal import findings

Files = dict[str, str | bytes]

OWN: Files = {"project.yaml": "project:\n  name: Bakery\n"}
"""Makes a folder a library of ours, where faults are errors."""

BAKER = "---\nname: baker\ndescription: Bakes bread\n---\n\nYou bake.\n"


def own(agent: str | bytes, **more: str) -> Files:
    """A library of ours with one agent; `more` are prompts."""
    return (
        OWN | {"agents/a.md": agent} | {f"prompts/{name}.md": text for name, text in more.items()}
    )


def skill(text: str | bytes) -> Files:
    """A folder with one skill."""
    return {"skills/a/SKILL.md": text}


def rules(text: str) -> str:
    """An agent with these rules; the first line of them is the 8th."""
    return (
        f"---\nname: baker\ndescription: Bakes bread\n---\n\n## Dynamic Prompt Selection\n\n{text}"
    )


def skilled(body: str, description: str = "Bakes bread") -> str:
    return f"---\nname: a\ndescription: {description}\n---\n{body}"


RULE = "### Sourdough\n**When**: Dough does not rise\n**Use**: [Dough](../prompts/dough.md)\n"
DOUGH = "# Dough\n\nKnead it.\n"
RIVALS = own(
    rules(
        "### Rises too fast\n**When**: Dough rises too fast, far too fast\n"
        "**Use**: [Dough](../prompts/dough.md)\n**Examples**:\n- it rises too fast\n"
        "### Cake\n**When**: Rises too fast\n**Use**: [Cake](../prompts/cake.md)\n"
    ),
    dough=DOUGH,
    cake="# Icing\n\nWhip it.\n",
)
"""The only line of the second rule is the first one's."""


TAKER = own(
    rules(
        "### Bread\n**When**: Kneading dough, baking bread or rolls\n"
        "**Use**: [Dough](../prompts/dough.md)\n**Examples**:\n- the bread is too dense\n"
        "### Ships\n**When**: Mooring ships at the quay\n**Use**: [Ship](../prompts/ship.md)\n"
        "**Examples**:\n- how long is the dough for bread and rolls kneaded?\n"
    ),
    dough=DOUGH,
    ship="# Harbour\n\nMoor it.\n",
)
"""The Example of the second rule is for the first one."""


class Row(NamedTuple):
    """A code, files that provoke it, what is found, and the file in question after `--fix`."""

    code: str
    files: Files
    found: list[str]
    fixed: str | bytes | None = None


ROWS = [
    Row("R001", skill("x\n" * 20_001), ["skills/a/SKILL.md:1:1 warning"]),
    Row("R002", own(b"---\nname: a\n\xff---\n"), ["agents/a.md:3:1 error"]),
    Row("R003", skill("\ufeff" + skilled("Bake.\r\n")), ["skills/a/SKILL.md:1:1 warning"], skilled("Bake.\r\n")),
    Row("R004", own("---\nname: a\ndescription: Bakes\n"), ["agents/a.md:1:1 error"]),
    Row("R005", own("---\n- name\n---\n"), ["agents/a.md:2:1 error"]),
    Row("R006", skill("---\n# mine\nname: a # yours\ndescription:  Bakes: it's bread \r\ntools: [ Read ]  # ours\n---\nBake.\n"), ["skills/a/SKILL.md:4:15 warning"], "---\n# mine\nname: a # yours\ndescription:  'Bakes: it''s bread' \r\ntools: [ Read ]  # ours\n---\nBake.\n"),
    Row("R007", own("---\nname: a\ndescription: Bakes\ntools: !x y\n---\n"), ["agents/a.md:4:1 error"]),
    Row("R008", own("---\nname: a\ndescription: Bakes\nname: b\n---\n"), ["agents/a.md:4:1 error"]),
    Row("R009", own("---\nname: a\ndescripton: Bakes\n---\nBake.\n"), ["agents/a.md:3:1 error"]),
    Row("R010", skill("<!-- MIT -->\n" + skilled("Bake.\n")), ["skills/a/SKILL.md:2:1 warning"]),
    Row("R011", own(BAKER + "{% if %}\n"), ["agents/a.md:7:1 error"]),
    Row("R012", own(BAKER + "{{ schema.project.team }}\n"), ["agents/a.md:7:1 error"]),
    Row("R013", skill(skilled("```sh\nbake")), ["skills/a/SKILL.md:6:1 warning"], skilled("```sh\nbake\n```")),
    Row("R014", OWN, ["agents:1:1 error"]),
    Row("R015", own(BAKER) | {"project.yaml": "project: Bakery\n"}, ["project.yaml:1:1 error"]),
    Row("R016", own(BAKER) | {"project.yaml": "routing:\n  treshold: 1\n"}, ["project.yaml:2:1 error"]),
    Row("R017", own(BAKER) | {"tasks/t.jsonl": '{"task": "bake", "expect": "baker/cake"}\n'}, ["tasks/t.jsonl:1:1 warning"]),
    Row("R018", own(BAKER) | {"route.toml": "[check]\nmax_token = 3\n"}, ["route.toml:2:1 error"]),
    Row("R019", own(BAKER) | {"route.toml": '[check]\nignore = [{ code = "R044", reason = "kept" }]\n'}, ["route.toml:2:1 advice"]),
    Row("R020", skill(""), ["skills/a/SKILL.md:1:1 warning"]),
    Row("R030", skill("---\n# mine\ndescription: Bakes\n---\nBake.\n"), ["skills/a/SKILL.md:1:1 warning"], "---\nname: a\n# mine\ndescription: Bakes\n---\nBake.\n"),
    Row("R031", own(BAKER) | {"agents/b.md": BAKER}, ["agents/b.md:1:1 error"]),
    Row("R032", own(BAKER.replace("baker", "a/b")), ["agents/a.md:2:1 error"]),
    Row("R033", skill(skilled("Bake.\n").replace("name: a", "name: A Baker")), ["skills/a/SKILL.md:2:1 warning"]),
    Row("R034", skill("---\nname: a\n---\nBake.\n"), ["skills/a/SKILL.md:1:1 warning"]),
    Row("R035", skill(skilled("Bake.\n", "bread " * 200)), ["skills/a/SKILL.md:3:1 warning"]),
    Row("R036", skill(skilled("Ba\u200bke\u202e 👩\u200d🔧.\n")), ["skills/a/SKILL.md:5:3 warning"], skilled("Bake 👩\u200d🔧.\n")),
    Row("R037", own(BAKER.replace("---\n\n", "tools: Read, Bsah\n---\n\n")), ["agents/a.md:4:14 advice"]),
    Row("R040", own(rules(RULE.replace("dough.md", "Dough.md").replace("D", "*D", 1)), dough=DOUGH), ["agents/a.md:10:18 warning"], rules(RULE.replace("D", "*D", 1))),
    Row("R041", own(rules(RULE.replace("../prompts", "../../prompts"))), ["agents/a.md:10:18 error"]),
    Row("R042", own(rules(RULE.replace("../prompts", "https://example.org"))), ["agents/a.md:10:18 error"]),
    Row("R043", own(rules(RULE[:-1] + "".join(f" + [{n}](../prompts/d{n}.md)" for n in range(30))), dough=DOUGH, **{f"d{n}": DOUGH for n in range(30)}), ["agents/a.md:10:1 error"]),
    Row("R044", own(rules(RULE), dough=DOUGH, cake=DOUGH), ["prompts/cake.md:1:1 warning"]),
    Row("R045", own(rules(RULE), dough=DOUGH + "See cake.md\n", cake=DOUGH), ["prompts/cake.md:1:1 warning"]),
    Row("R046", own(rules(RULE), dough="---\nincludes: 3\n---\n" + DOUGH), ["prompts/dough.md:2:1 error"]),
    Row("R047", own(rules(RULE), dough=DOUGH * 2_000), ["prompts/dough.md:1:1 advice"]),
    Row("R048", own(rules(RULE), dough="---\ntemplate: jinja\nvariables: {schema: 3}\n---\n" + DOUGH), ["prompts/dough.md:3:1 error"]),
    Row("R050", own(rules(RULE.replace("**When**: Dough does not rise\n", "")), dough=DOUGH), ["agents/a.md:8:1 error"]),
    Row("R051", own(rules("### Sourdough\n**When**: Dough does not rise\n")), ["agents/a.md:8:1 error"]),
    Row("R052", own(rules(RULE + "**Whenever**: It is flat\n"), dough=DOUGH), ["agents/a.md:11:1 warning"]),
    Row("R053", own(rules(RULE + "**When**: It is flat\n"), dough=DOUGH), ["agents/a.md:11:1 error"]),
    Row("R054", own(rules(RULE + RULE), dough=DOUGH), ["agents/a.md:11:1 error"]),
    Row("R055", own(rules("")), ["agents/a.md:6:1 error"]),
    Row("R056", own(rules(RULE + "**Rationale**: <!-- why\n"), dough=DOUGH), ["agents/a.md:8:1 warning"]),
    Row("R057", own(rules(RULE.replace("Dough does not rise", "Help with tasks")), dough=DOUGH), ["agents/a.md:8:1 warning"]),
    Row("R058", RIVALS, ["agents/a.md:13:1 warning"]),
    Row("R059", TAKER, ["agents/a.md:8:1 advice"]),
    Row("R060", own(BAKER.replace("Bakes bread", "Always use this for any task, and first")), ["agents/a.md:1:1 warning"]),
]  # fmt: skip


COMPILED = {"R019", "R058", "R059"}
"""What only the compiled library shows; `idle` entries need all findings."""


def write(root: Path, files: Files) -> Path:
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def static(root: Path) -> list[Fault]:
    """All that is found without compiling, in this process."""
    folder = Folder(root)
    files = snapshot(folder)
    settings, wrong = checking.settings_of(folder)
    return sorted({*checking.read_only(read_library(folder, files), files, settings), *wrong})


def contents(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("row", ROWS, ids=[row.code for row in ROWS])
def test_each_code_is_found_where_it_is(tmp_path: Path, row: Row) -> None:
    root = write(tmp_path, row.files)
    found = checking.check(root).findings if row.code in COMPILED else static(root)
    told = [
        f"{fault.path}:{fault.line}:{fault.column} {fault.severity}"
        for fault in found
        if fault.code == row.code
    ]
    assert told == row.found


def test_every_code_has_a_row_a_page_and_a_severity_that_is_kept() -> None:
    assert [row.code for row in ROWS] == [check.code for check in catalogue.CHECKS]
    assert {row.code for row in ROWS if row.fixed is not None} == set(fixing.FIXES)
    for check in catalogue.CHECKS:
        assert re.fullmatch(r"R\d{3}", check.code)
        assert check.title
        assert check.explanation.endswith("\n")
        assert all(len(line) <= 100 for line in check.explanation.splitlines()), check.code


def test_the_pages_are_in_the_docs_as_they_are_printed(run: Run) -> None:
    assert (ROOT / "docs/checks.md").read_text() == catalogue.pages()
    assert run("check", "--explain", "all").stdout == catalogue.pages()
    assert run("check", "--explain", "r012").stdout == catalogue.page(catalogue.BY_CODE["R012"])
    unknown = run("check", "--explain", "R999")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "R999" in unknown.stderr


FIXABLE = [row for row in ROWS if row.fixed is not None]


@pytest.mark.parametrize("row", FIXABLE, ids=[row.code for row in FIXABLE])
def test_a_fix_changes_what_is_wrong_and_nothing_else(tmp_path: Path, row: Row) -> None:
    root = write(tmp_path, row.files)
    before = contents(root)
    (fault,) = [fault for fault in static(root) if fault.code == row.code]
    place = root / fault.path
    place.chmod(0o640)
    assert fixing.fix(root, [fault]) == {fault.path: 1}
    fixed = row.fixed if isinstance(row.fixed, bytes) else str(row.fixed).encode()
    assert contents(root) == before | {str(place): fixed}
    assert stat.S_IMODE(place.stat().st_mode) == 0o640
    assert row.code not in {fault.code for fault in static(root)}
    assert fixing.fix(root, static(root)) == {}
    assert fixing.fix(root, [fault]) == {}, "what was found is not there any more"
    assert contents(root)[str(place)] == fixed


LEFT_ALONE = {
    "a value of several lines": ("R006", skilled("Bake.\n", "Bakes: bread\n  and: cake")),
    "a value that is a list": ("R006", skilled("Bake.\n").replace("name: a", "name: a\nglobs: [a] | [b]\n  - x")),
    "a fence that ends in another file's middle": ("R013", skilled("- ```sh\n  bake")),
    "a name where there is no front matter": ("R030", "# Bakes\n\nBread.\n"),
    "a link to what is only like it": ("R040", skilled("See [a](notes-2.md).\n")),
    "a link by its definition": ("R040", skilled("See [a](<no such.md>).\n")),
}  # fmt: skip


@pytest.mark.parametrize("kind", LEFT_ALONE)
def test_what_cannot_be_mended_without_a_thought_is_left_alone(tmp_path: Path, kind: str) -> None:
    code, text = LEFT_ALONE[kind]
    root = write(tmp_path, skill(text) | {"skills/a/notes-1.md": "x"})
    before = contents(root)
    faults = [fault for fault in static(root) if fault.code == code]
    assert fixing.fix(root, faults) == {}
    assert contents(root) == before


def test_several_faults_of_a_file_are_mended_at_once(tmp_path: Path) -> None:
    text = "\ufeff---\r\ndescription: Bakes: bread\r\n---\r\nSee [d](Dough.md).\u200b\r\n```\r\n"
    root = write(tmp_path, skill(text) | {"skills/a/dough.md": DOUGH})
    assert sum(fixing.fix(root, static(root)).values()) == 6
    fixed = "---\r\nname: a\r\ndescription: 'Bakes: bread'\r\n---\r\nSee [d](dough.md).\r\n```\r\n```\r\n"
    assert (root / "skills/a/SKILL.md").read_bytes().decode() == fixed
    assert static(root) == []


def test_a_fix_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write(tmp_path, skill("\ufeff" + skilled("Bake.\n")))
    before = contents(root)

    def fail(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises((LibraryError, OSError)):
        fixing.fix(root, static(root))
    assert contents(root) == before


def test_a_fix_does_not_follow_a_link_out_of_the_library(tmp_path: Path) -> None:
    outside = tmp_path / "outside.md"
    outside.write_text("\ufeff" + skilled("Bake.\n"))
    root = write(tmp_path / "library", skill(skilled("Bake.\n")))
    (root / "skills/b").mkdir()
    (root / "skills/b/SKILL.md").symlink_to(outside)
    before = outside.read_bytes()
    assert fixing.fix(root, [Fault("skills/b/SKILL.md", 1, "x", "warning", "R003")]) == {}
    assert outside.read_bytes() == before


CLAIMS = [
    # a description, and what of it claims every task, "" for nothing
    ("Use this for any task.", "any task"),
    ("Handles all kinds of requests", "all kinds of requests"),
    ("Always use this skill. It bakes.", "Always use this skill"),
    ("Good for everything", "for everything"),
    ("Use for any task that needs an oven", ""),
    ("Answers all questions about bread", ""),
    ("Runs the tests. Always use after code changes.", ""),
    ("Always use yeast that is fresh", ""),
    ("Any other document tasks", ""),
    ("Use proactively for data analysis tasks and queries", ""),
]


@pytest.mark.parametrize(("description", "claim"), CLAIMS, ids=[row[0] for row in CLAIMS])
def test_a_claim_with_a_condition_is_none(tmp_path: Path, description: str, claim: str) -> None:
    root = write(tmp_path, skill(skilled("Bake.\n", description)))
    messages = [fault.message for fault in static(root) if fault.code == "R060"]
    said = [message.split("“")[1].split("”")[0] for message in messages]
    assert said == ([claim] if claim else [])


NO_LINKS = [
    "[a](https://example.org/x.md)", "[a](mailto:x.md)", "`[a](x.md)`", "![a](x.png)",
    "[your page](path/to/page.md)", "[a](<{{ page }}.md>)", "[a](../SKILL.md/../a/SKILL.md#part)",
    "```md\n[a](x.md)\n```", "[a](#part)", "a[i](x.py)", "[a](/skills/a/SKILL.md)",
]  # fmt: skip


@pytest.mark.parametrize("body", NO_LINKS)
def test_what_is_no_link_to_a_missing_file(tmp_path: Path, body: str) -> None:
    assert static(write(tmp_path, skill(skilled(f"{body}\n")))) == []


@pytest.mark.parametrize(
    "tools",
    [
        "Read, Grep, Bash(git add:*), mcp__github__create_issue, Task(reviewer)", "[Read, Write]",
        "read edit search web/fetch github/*", '"*"', "[]", "", "execute_command, list_files",
    ],
)  # fmt: skip
def test_tools_that_hosts_have_are_known(tmp_path: Path, tools: str) -> None:
    text = BAKER.replace("---\n\n", f"tools: {tools}\n---\n\n")
    assert static(write(tmp_path, {".claude/agents/baker.md": text})) == []


SOUND = own(rules(RULE), dough=DOUGH)
WARNED = own(rules(RULE), dough=DOUGH, cake=DOUGH)
WRONG = own(rules("### Sourdough\n"))
ADVISED = own(BAKER.replace("---\n\n", "tools: Bsah\n---\n\n"))


@pytest.mark.parametrize(
    ("files", "options", "status", "last"),
    [
        (SOUND, [], 0, "0 errors, 0 warnings, 0 of advice"),
        (SOUND, ["--strict"], 0, "0 errors, 0 warnings, 0 of advice"),
        (WARNED, ["--fast"], 0, "0 errors, 1 warning, 0 of advice"),
        (WARNED, ["--strict", "--fast"], 1, "0 errors, 1 warning, 0 of advice"),
        (WRONG, ["--fast"], 1, "2 errors, 0 warnings, 0 of advice"),
        (ADVISED, ["--strict", "--fast"], 0, "0 errors, 0 warnings, 1 of advice"),
    ],
)  # fmt: skip
def test_the_exit_status_is_that_of_the_worst(
    tmp_path: Path, run: Run, files: Files, options: list[str], status: int, last: str
) -> None:
    done = run("check", "--library", str(write(tmp_path, files)), *options)
    assert done.returncode == status
    assert done.stderr.splitlines()[-1].startswith(last)


def test_the_command_mends_and_tells_what_is_left(tmp_path: Path, run: Run) -> None:
    root = write(tmp_path, skill("\ufeff" + skilled("Bake.\n")) | {"skills/b/SKILL.md": ""})
    done = run("check", "--fix", "--fast", "--library", str(root))
    assert "mended: skills/a/SKILL.md (1)" in done.stderr
    assert "R003" not in done.stdout
    assert "skills/b/SKILL.md:1:1: warning R020: " in done.stdout
    again = run("check", "--fix", "--fast", "--library", str(root))
    assert "mended" not in again.stderr


SETTINGS_ROWS = [
    # the table, what is left of R044 and what is told of the table itself
    ('ignore = [{ code = "R044", reason = "kept" }]', []),
    ('ignore = [{ code = "R044", path = "prompts/*", reason = "kept" }]', []),
    ('ignore = [{ code = "R044", path = "prompts/cake.md", reason = "kept" }]', []),
    ('ignore = [{ code = "R044", path = "agents/*", reason = "kept" }]', ["R019:2", "R044:1"]),
    ('ignore = [{ code = "R044" }]', ["R018:2", "R044:1"]),
    ('ignore = [{ code = "R044", reason = " " }]', ["R018:2", "R044:1"]),
    ('ignore = [{ code = "R999", reason = "kept" }]', ["R018:2", "R044:1"]),
    ('ignore = [\n  { code = "R044", reason = "kept" },\n  { code = "R036", reason = "old" },\n]', ["R019:4"]),
    ('ignore = ["R044"]', ["R018:1", "R044:1"]),
    ("ignore = 3", ["R018:2", "R044:1"]),
    ("max_tokens = 0", ["R018:2", "R044:1"]),
    ("max_tokens = true", ["R018:2", "R044:1"]),
    ("max_tokens = 3", ["R044:1", "R047:1", "R047:1", "R047:1"]),
    ('tools = "x"', ["R018:2", "R044:1"]),
    ("max_token = 3", ["R018:2", "R044:1"]),
    ("max_tokens = ", ["R018:2", "R044:1"]),
]  # fmt: skip


@pytest.mark.parametrize(("table", "told"), SETTINGS_ROWS, ids=[row[0] for row in SETTINGS_ROWS])
def test_what_is_silenced_has_a_reason_and_silences(table: str, told: list[str]) -> None:
    settings, wrong = read_settings(f"[check]\n{table}\n")
    faults = [Fault("prompts/cake.md", 1, "unused", "warning", "R044"), *wrong]
    if settings.max_tokens == 3:
        faults += [Fault("prompts/cake.md", 1, str(n), "advice", "R047") for n in range(3)]
    left, hidden = settings.silenced(faults)
    found = [*left, *settings.idle(hidden)]
    assert sorted(f"{fault.code}:{fault.line}" for fault in found) == told


def test_settings_of_other_tools_are_left_alone() -> None:
    assert read_settings("[other]\nmax_token = 3\n") == (Settings(), ())


def report_of(root: Path) -> checking.Report:
    found = read_library(Folder(root), snapshot(Folder(root)))
    return checking.Report(os.path.realpath(root), tuple(static(root)), routes=len(found.routes))


ODD = own(rules("### 50% of, it: all\n"), cake=DOUGH) | {"prompts/a b,ü%.md": DOUGH}


@pytest.fixture
def reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> checking.Report:
    """A library in a folder of a repository, which is the current one."""
    root = write(
        tmp_path / "my library",
        WARNED | ODD | {"agents/b.md": "\ufeff" + BAKER.replace("baker", "bé")},
    )
    monkeypatch.chdir(tmp_path)
    return report_of(root)


def test_as_text_a_line_each(reported: checking.Report) -> None:
    lines = findings.text(reported).splitlines()
    assert len(lines) == len(reported.findings) > 2
    shape = r"[^:]+:\d+:\d+: (error|warning|advice) R\d{3}: .+"
    assert all(re.fullmatch(shape, line) for line in lines)


def test_as_json_all_that_is_known(reported: checking.Report) -> None:
    told = json.loads(findings.as_json(reported))
    assert set(told) == {"findings", "errors", "warnings", "advice", "silenced", "fixable", "rules"}
    keys = {"path", "line", "column", "severity", "code", "title", "message"}
    assert all(set(row) == keys for row in told["findings"])
    assert [row["code"] for row in told["findings"]] == [f.code for f in reported.findings]


def test_for_github_a_command_each(reported: checking.Report) -> None:
    lines = findings.github(reported).splitlines()
    assert len(lines) == len(reported.findings)
    shape = r"::(error|warning|notice) file=[^,:]+,line=\d+,col=\d+,title=R\d{3} [^,:]+::[^\n]+"
    assert all(re.fullmatch(shape, line) for line in lines)
    assert lines[0].startswith("::error file=my library/agents/a.md,line=8,")
    assert any("50%25 of, it: all" in line for line in lines)


def sarif_faults(log: Any) -> list[str]:
    """What GitHub's code scanning would not take: its documentation, as assertions."""
    faults: list[str] = []

    def need(told: object, what: str) -> None:
        if not told:
            faults.append(what)

    need(log["version"] == "2.1.0", "version")
    need(log["$schema"].startswith("https://") and "sarif-2.1.0" in log["$schema"], "$schema")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    need(driver["name"], "a name")
    ids = [rule["id"] for rule in driver["rules"]]
    need(len(set(ids)) == len(ids), "ids of rules that differ")
    for rule in driver["rules"]:
        need(0 < len(rule["name"]) <= 255, f"name of {rule['id']}")
        for part, limit in (("shortDescription", 1024), ("fullDescription", 1024), ("help", 10**6)):
            need(0 < len(rule[part]["text"]) <= limit, f"{part} of {rule['id']}")
        need(rule["defaultConfiguration"]["level"] in ("error", "warning", "note"), "level")
    prints = [tuple(result["partialFingerprints"].items()) for result in run["results"]]
    need(len(set(prints)) == len(prints), "fingerprints that differ")
    need(len(prints) <= 25_000, "results that are not too many")
    for result in run["results"]:
        need(result["ruleId"] == ids[result["ruleIndex"]], "ruleId")
        need(result["level"] in ("error", "warning", "note"), "level")
        need(result["message"]["text"], "text")
        (location,) = result["locations"]
        place = location["physicalLocation"]
        uri = place["artifactLocation"]["uri"]
        need(re.fullmatch(r"[A-Za-z0-9_.~%/-]+", uri) and not uri.startswith("/"), f"uri {uri}")
        need(".." not in uri.split("/"), f"uri {uri}")
        region = place["region"]
        need(type(region["startLine"]) is int and region["startLine"] >= 1, "startLine")
        need(type(region["startColumn"]) is int and region["startColumn"] >= 1, "startColumn")
    return faults


def test_sarif_is_what_github_takes(reported: checking.Report) -> None:
    text = findings.sarif(reported)
    log = json.loads(text)
    assert sarif_faults(log) == []
    assert reported.root not in text
    results = log["runs"][0]["results"]
    assert len(results) == len(reported.findings)
    levels = [result["level"] for result in results]
    assert levels == sorted(levels, key=["error", "warning", "note"].index)
    files = {
        unquote(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
        for result in results
    }
    assert files == {f"my library/{fault.path}" for fault in reported.findings}
    assert all(Path(file).exists() for file in files)


def test_sarif_of_every_code_and_of_nothing(tmp_path: Path) -> None:
    faults = tuple(
        Fault("agents/a.md", 1, "m", check.severity, check.code) for check in catalogue.CHECKS
    )
    for report in (checking.Report(str(tmp_path), faults), checking.Report(str(tmp_path), ())):
        assert sarif_faults(json.loads(findings.sarif(report))) == []


def test_a_finding_keeps_its_print_when_lines_move(reported: checking.Report) -> None:
    moved = [
        Fault(f.path, f.line + 7, f.message, f.severity, f.code, f.column)
        for f in reported.findings
    ]
    twice = tuple(sorted([*reported.findings, *moved]))

    def prints(findings_: tuple[Fault, ...]) -> list[str]:
        report = checking.Report(reported.root, findings_)
        results = json.loads(findings.sarif(report))["runs"][0]["results"]
        return [result["partialFingerprints"]["routeCheck/v1"] for result in results]

    assert sorted(prints(reported.findings)) == sorted(prints(tuple(sorted(moved))))
    assert len(set(prints(twice))) == len(twice)


@pytest.mark.parametrize("kind", ["text", "json", "sarif", "github"])
def test_the_command_prints_each_format(tmp_path: Path, run: Run, kind: str) -> None:
    root = write(tmp_path, WARNED)
    done = run("check", "--fast", "--format", kind, "--library", str(root))
    assert done.returncode == 0
    assert done.stdout == findings.FORMATS[kind](report_of(root))


HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())


@pytest.mark.parametrize("hook", HOOKS, ids=[hook["id"] for hook in HOOKS])
def test_a_hook_runs_on_the_library_around_it(
    tmp_path: Path, run: Run, hook: dict[str, Any]
) -> None:
    assert set(hook) <= set("id name description entry language files pass_filenames".split())
    assert (hook["language"], hook["pass_filenames"]) == ("python", False)
    program, *arguments = shlex.split(hook["entry"])
    assert program == "route"
    for files, status in ((SOUND, 0), (WRONG, 1)):
        root = write(tmp_path / str(status), files)
        assert all(re.search(hook["files"], path) for path in files)
        assert run(*arguments, cwd=root).returncode == status
    assert [re.search(hook["files"], name) for name in ("a.py", "a.md.bak")] == [None, None]


def test_there_are_the_hooks_that_the_docs_name() -> None:
    assert [hook["id"] for hook in HOOKS] == ["route-check", "route-compile"]
