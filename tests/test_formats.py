"""Folders of other tools are libraries too: one entry of the table, one fixture each."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Run

from router import Router
from router.library.discovery import snapshot
from router.library.folder import Library, read_library
from router.library.formats import FORMATS, OWN, format_of
from router.library.source import Folder, find_library


def library(root: Path, files: dict[str, str]) -> Library:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    folder = Folder(root)
    return read_library(folder, snapshot(folder))


MATTER = "---\nname: {}\ndescription: Mends sails\n{}---\nSew, don't glue.\n"

FILES: list[tuple[str, str, str, str, str, tuple[str, ...]]] = [
    # path, text, format, id, name, tools
    ("agents/a.md", MATTER.format("sailor", "tools: Read, Bash(git:*)\n"), "agent", "sailor", "sailor", ("Read", "Bash(git:*)")),
    (".claude/agents/deck/a.md", MATTER.format("sailor", "tools: [Read, Edit]\n"), "claude-agent", "sailor", "sailor", ("Read", "Edit")),
    ("plugins/p/agents/a.md", MATTER.format("sailor", ""), "claude-agent", "sailor", "sailor", ()),
    ("sails/SKILL.md", MATTER.format("sails", "allowed-tools: Bash Read\n"), "skill", "sails", "sails", ("Bash", "Read")),
    (".claude/skills/sails/SKILL.md", "Sew, don't glue.\n", "skill", "sails", "sails", ()),
    (".agents/skills/sails/SKILL.md", MATTER.format("Sail Mending", ""), "skill", "sails", "Sail Mending", ()),
    (".claude/commands/deck/mend.md", "Mend $ARGUMENTS\n", "claude-command", "mend", "mend", ()),
    (".github/agents/mend.agent.md", MATTER.format("Sail Mender", "tools: []\n"), "copilot-agent", "mend", "Sail Mender", ()),
    (".github/chatmodes/mend.chatmode.md", "---\ndescription: Mends\ntools: ['a', 'b']\n---\n", "copilot-agent", "mend", "mend", ("a", "b")),
    (".github/prompts/mend.prompt.md", "---\nmode: agent\n---\nMend the sails.\n", "copilot-prompt", "mend", "mend", ()),
    ("docs/sails.instructions.md", "---\napplyTo: '**/*.sail'\n---\nMend.\n", "copilot-instructions", "sails", "sails", ()),
    (".cursor/rules/deck/sails.mdc", "---\ndescription: Mends sails\nglobs: **/*.sail\nalwaysApply: false\n---\nSew.\n", "cursor-rule", "sails", "sails", ()),
    (".gemini/agents/a.md", MATTER.format("sailor", ""), "gemini-agent", "sailor", "sailor", ()),
    (".gemini/commands/deck/mend.toml", 'description = "Mends"\nprompt = """\nMend {{args}}\n"""\n', "gemini-command", "mend", "mend", ()),
    (".codex/agents/a.toml", 'name = "sailor"\ndescription = "Mends"\ndeveloper_instructions = "Sew."\n', "codex-agent", "sailor", "sailor", ()),
    (".opencode/agent/mend.md", "---\ndescription: Mends\ntools:\n  write: true\n  bash: false\n---\nSew.\n", "opencode-agent", "mend", "mend", ("write",)),
    ("categories/deck/mender.md", MATTER.format("sailor", ""), "markdown", "sailor", "sailor", ()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "text", "kind", "called", "name", "tools"), FILES, ids=[row[0] for row in FILES]
)
def test_every_format_is_read(
    tmp_path: Path, path: str, text: str, kind: str, called: str, name: str, tools: tuple[str, ...]
) -> None:
    found = library(tmp_path, {path: text})
    (agent,) = found.agents
    assert (agent.format, agent.id, agent.name, agent.tools) == (kind, called, name, tools)
    assert agent.description
    assert agent.text.strip() or "chatmode" in path
    assert found.errors == ()
    assert [route.id for route in found.routes] == [f"{called}/main"]


def test_every_entry_of_the_table_has_a_fixture() -> None:
    assert {row[2] for row in FILES} == {kind.name for kind in (OWN, *FORMATS)}


NO_ROUTES = [
    "README.md", "docs/readme.md", "CLAUDE.md", "AGENTS.md", "CHANGELOG.md", "src/main.py",
    "notes.toml", ".codex/config.toml", "prompts/p.md", "LICENSE",
]  # fmt: skip


@pytest.mark.parametrize("path", NO_ROUTES)
def test_other_files_are_no_routes(tmp_path: Path, path: str) -> None:
    files = {path: MATTER.format("x", ""), "a/SKILL.md": MATTER.format("a", "")}
    assert [agent.id for agent in library(tmp_path, files).agents] == ["a"]


@pytest.mark.parametrize(
    "path",
    ["node_modules/p/x/SKILL.md", "vendor/x/SKILL.md", ".git/x/SKILL.md", ".cache/x/SKILL.md",
     "out/x/SKILL.md", "deep/tmp/x/SKILL.md"],
)  # fmt: skip
def test_hidden_vendored_and_ignored_files_are_passed_over(tmp_path: Path, path: str) -> None:
    files = {
        path: MATTER.format("x", ""),
        "a/SKILL.md": MATTER.format("a", ""),
        ".gitignore": "/out/\n# a comment\n",
        "deep/.gitignore": "tmp\n!kept\n",
    }
    assert [agent.id for agent in library(tmp_path, files).agents] == ["a"]


def test_a_page_without_a_name_is_documentation(tmp_path: Path) -> None:
    files = {
        "docs/intro.md": "---\ntitle: Introduction\ndescription: How to start\n---\nText\n",
        "docs/plain.md": "# Text\n",
        "agents/a.md": MATTER.format("a", ""),
    }
    assert [agent.id for agent in library(tmp_path, files).agents] == ["a"]


def test_a_library_of_ours_is_its_own_folders_only(tmp_path: Path) -> None:
    files = {
        "project.yaml": "project: {name: P}\n",
        "agents/a.md": MATTER.format("a", ""),
        ".claude/agents/b.md": MATTER.format("b", ""),
        "tests/lib/SKILL.md": MATTER.format("c", ""),
    }
    assert [agent.id for agent in library(tmp_path, files).agents] == ["a"]


def test_equal_names_are_told_apart_by_their_place(tmp_path: Path) -> None:
    files = {
        "plugins/one/agents/reviewer.md": MATTER.format("reviewer", ""),
        "plugins/two/agents/reviewer.md": MATTER.format("reviewer", ""),
    }
    found = library(tmp_path, files)
    assert [a.id for a in found.agents] == ["reviewer", "plugins-two-agents-reviewer"]
    assert [a.name for a in found.agents] == ["reviewer", "reviewer"]
    assert list(map(str, found.faults)) == [
        "plugins/two/agents/reviewer.md:1: warning: name `reviewer` is taken by"
        " plugins/one/agents/reviewer.md; rename one; until then it is `plugins-two-agents-reviewer`"
    ]


def test_one_bad_file_of_another_tool_leaves_the_others_alone(tmp_path: Path) -> None:
    files = {
        "a/SKILL.md": MATTER.format("a", ""),
        "b/SKILL.md": "---\nname: b\ndescription: \0\n---\n",
        ".codex/agents/c.toml": "name = \n",
    }
    found = library(tmp_path, files)
    assert [agent.id for agent in found.agents] == ["a"]
    assert found.errors == ()
    said = [str(fault) for fault in found.faults]
    assert said[0].startswith(".codex/agents/c.toml:1: warning: TOML: ")
    assert said[1].startswith("b/SKILL.md:3: warning: contains a NUL byte; ")
    assert all(line.endswith("; left out") for line in said)


def test_bodies_of_other_tools_are_opaque(tmp_path: Path) -> None:
    body = "Use ${HOME}, {{ args }}, {% raw %}, !`ls` and @file\n"
    found = library(tmp_path, {"a/SKILL.md": f"---\nname: a\ndescription: d\n---\n{body}"})
    assert found.agents[0].text.strip("\n") == body.strip("\n")
    assert found.faults == ()


TURNS = r"""Use this agent to mend sails.\n\nExamples:\n<example>
Context: A storm.
user: "the jib has a hole"
assistant: "I will use the sailmaker."
<commentary>Sails.</commentary>
</example>
<example>user: 'stitch the spinnaker' assistant: 'On it'</example>"""


def test_user_turns_in_a_description_are_examples(tmp_path: Path) -> None:
    indented = TURNS.replace("\n", "\n  ")
    files = {"a/SKILL.md": f"---\nname: a\ndescription: |\n  {indented}\n---\nSew.\n"}
    rule = library(tmp_path, files).agents[0].rules[0]
    assert rule.examples == ("the jib has a hole", "stitch the spinnaker")
    assert "commentary" not in rule.when
    assert "jib" not in rule.when


def test_a_request_that_only_the_body_answers_is_found(tmp_path: Path) -> None:
    files = {
        "one/SKILL.md": "---\nname: one\ndescription: Helps on deck\n---\nSplice halyards.\n",
        "two/SKILL.md": "---\nname: two\ndescription: Helps in the galley\n---\nFry herring.\n",
    }
    library(tmp_path, files)
    router = Router.load(tmp_path)
    assert router.route("splice these halyards").candidates[0].agent == "one"
    assert router.route("fry me a herring").candidates[0].agent == "two"


@pytest.mark.parametrize(
    ("path", "kind"),
    [("x/agents/y.agent.md", "copilot-agent"), (".opencode/agents/y.md", "opencode-agent"),
     (".gemini/agents/y.md", "gemini-agent"), ("agents/skills/y/SKILL.md", "skill")],
)  # fmt: skip
def test_the_narrowest_place_has_precedence(path: str, kind: str) -> None:
    found = format_of(path)
    assert found
    assert found.name == kind


@pytest.mark.parametrize(
    ("path", "start", "found"),
    [
        ("agents/a.md", "agents", "."),
        (".claude/agents/a.md", "src/deep", "."),
        ("skills/a/SKILL.md", ".", "."),
        (".cursor/rules/a.mdc", "src", "."),
        ("docs/a.md", "docs", None),
    ],
)
def test_the_library_around_a_folder(
    tmp_path: Path, path: str, start: str, found: str | None
) -> None:
    for folder in (tmp_path / path).parent, tmp_path / start:
        folder.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("")
    nearest = find_library(tmp_path / start)
    assert nearest == (None if found is None else (tmp_path / found).resolve())


def test_what_lies_in_the_home_folder_is_no_library_of_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".claude/agents").mkdir(parents=True)
    (tmp_path / "project").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_library(tmp_path / "project") is None
    assert find_library(tmp_path) == tmp_path


REFERENCES = {
    "pdf/SKILL.md": "---\nname: pdf\ndescription: Fills forms\n---\n# PDF\n\n"
    "See [Merging](references/merge.md#how), `[x](references/x.txt)`, [gone](references/gone.md),\n"
    "[up](../other/SKILL.md), [site](https://example.org/a.md) and [again](references/merge.md).\n",
    "pdf/references/merge.md": "Concatenate documents with qpdf.\n",
    "pdf/references/x.txt": "Rotating pages.\n",
    "pdf/references/unlinked.md": "Never mentioned anywhere.\n",
    "other/SKILL.md": "---\nname: other\ndescription: Plans menus\n---\nSoup.\n",
}


def test_what_a_skill_links_to_is_handed_on_with_it(tmp_path: Path) -> None:
    for path, text in REFERENCES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    router = Router.load(tmp_path)
    (pdf,) = [route for route in router.routes if route.agent.id == "pdf"]
    assert [(link.title, link.path) for link in pdf.rule.bundle] == [
        ("Merging", "pdf/references/merge.md"),
        ("x", "pdf/references/x.txt"),
    ]
    decision = router.route("concatenate two documents with qpdf")
    assert [match.route for match in decision.matches] == ["pdf/main"]
    assert "Concatenate documents" in router.assemble(decision).text
    assert [part.source for part in router.show("pdf/main").parts if part.role == "prompt"] == [
        "pdf/references/merge.md",
        "pdf/references/x.txt",
    ]


def test_rules_are_listed_with_their_formats(run: Run, tmp_path: Path) -> None:
    for path, text in REFERENCES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    lines = run("rules", "--library", tmp_path).stdout.splitlines()
    assert lines[0] == "route\tformat\tprompts\tsource"
    assert "other/main\tskill\t\tother/SKILL.md:1" in lines


def test_words_of_the_body_alone_find_a_skill(tmp_path: Path) -> None:
    for path, text in REFERENCES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert Router.load(tmp_path).route("soup").candidates[0].route == "other/main"
