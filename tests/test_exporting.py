"""A library in the formats of other hosts, read back by this program's own reader."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import yaml
from conftest import Run

from router import Router
from router.exporting.exporting import TARGETS, Export, export
from router.library.records import Agent
from router.library.writing import write_new

ROOT = Path(__file__).parent.parent


@cache
def shipped() -> Router:
    """The router of the shipped library."""
    return Router.load(ROOT)


BRACES = "Keep {x}, {{ x }}, ${{ x }}, {% x %} and `$x`.\n"


def written(root: Path, files: dict[str, str]) -> Path:
    write_new(str(root), {path: text.encode() for path, text in files.items()})
    return root


def exported(root: Path, target: str, made: Export) -> Router:
    folder = root / target
    write_new(str(folder), made.files)
    return Router.load(folder)


def unlinked(text: str) -> str:
    return re.sub(r"\]\([^)]*\)", "]()", text).strip()


def by_id(router: Router) -> dict[str, Agent]:
    return {agent.id: agent for agent in router.model.agents}


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_written_is_read_without_a_fault(tmp_path: Path, target: str) -> None:
    assert exported(tmp_path, target, export(shipped().model, target)).model.warnings == ()


@pytest.mark.parametrize("target", ["copilot", "agents-md"])
def test_agents_and_prompts_come_back(tmp_path: Path, target: str) -> None:
    back = exported(tmp_path, target, export(shipped().model, target))
    here, there = by_id(shipped()), by_id(back)
    assert here.keys() <= there.keys()  # a Copilot prompt is a route of its own
    for name, agent in here.items():
        found = there[name]
        assert (found.name, found.description, found.tools) == (
            agent.name, agent.description, agent.tools,
        )  # fmt: skip
        assert unlinked(found.text) == unlinked(agent.text)
        for rule, other in zip(agent.rules, found.rules, strict=True):
            assert (rule.title, rule.when, rule.not_when, rule.examples, rule.rationale) == (
                other.title, other.when, other.not_when, other.examples, other.rationale,
            )  # fmt: skip
    texts = {prompt.title: prompt.text.strip() for prompt in shipped().model.prompts}
    used = {link.title for route in shipped().routes for link in route.rule.bundle}
    back_texts = {prompt.title: prompt.text.strip() for prompt in back.model.prompts}
    assert {title: back_texts[title] for title in used} == {title: texts[title] for title in used}


def test_every_rule_is_a_skill(tmp_path: Path) -> None:
    made = export(shipped().model, "claude-skills")
    skills = by_id(exported(tmp_path, "claude-skills", made))
    assert set(skills) == {route.id.replace("/", "-") for route in shipped().routes}
    for route in shipped().routes:
        skill = skills[route.id.replace("/", "-")]
        assert " ".join(route.rule.when.split()).rstrip(".") in skill.description
        assert len(skill.description) <= 1024
        assert route.agent.role in skill.text
        assert "Dynamic Prompt Selection" not in skill.text
        for link in route.rule.bundle:
            assert f"{skill.id}/references/{Path(link.path or '').name}" in made.files
    example = skills["tester-flaky-tests"].description
    assert example.endswith("find out which test pollutes the database for the others”.")
    assert "Do not use when: A test that fails every time" in example


def test_agents_md_lists_every_rule() -> None:
    text = export(shipped().model, "agents-md").files["AGENTS.md"].decode()
    for route in shipped().routes:
        assert f"### {route.rule.title}\n\n- **When**: {' '.join(route.rule.when.split())}" in text
    for target in re.findall(r"\]\((.*?)\)", text):
        assert target in export(shipped().model, "agents-md").files


SKILLS = {
    "pdf/SKILL.md": "---\nname: pdf\ndescription: 'Fills PDF forms: names, dates. Not for scans.'\n"
    f"allowed-tools: Read Bash\n---\n# PDF\n\n{BRACES}",
    "café/SKILL.md": "---\nname: café\ndescription: Plans menus for a café\n---\n# Café\n\nPlan.\n",
}


def test_skills_stay_as_they_are(tmp_path: Path) -> None:
    first = Router.load(written(tmp_path / "skills", SKILLS))
    made = export(first.model, "claude-skills")
    assert [str(loss) for loss in made.losses] == [
        "café/SKILL.md:1: warning: `café` is called `cafe`; a skill's name has small letters,"
        " digits and hyphens, 64 at most"
    ]
    second = by_id(exported(tmp_path, "claude-skills", made))
    for name, agent in by_id(first).items():
        found = second[name.replace("é", "e")]
        assert (found.description, found.tools, found.text) == (
            agent.description, agent.tools, agent.text,
        )  # fmt: skip
    again = export(Router.load(tmp_path / "claude-skills").model, "claude-skills")
    assert again.files == made.files
    assert again.losses == ()


def agent(name: str, rest: str = "", front: str = "") -> str:
    return f"---\nname: {name}\ndescription: Cooks soup\n{front}---\n**Role**: Cook.\n{rest}"


RULES = """
## Dynamic Prompt Selection

### Soup
**When**: {when}
**Not when**: {not_when}
**Use**: [Broth](../prompts/broth.md)
**Examples**:
- leek soup, please
- something warm
"""
BROTH = {"prompts/broth.md": "---\ntitle: Broth\n---\nBoil.\n"}

LOSSES = [
    ("claude-skills", agent("cook", front="icon: X\ntools: a, b\n"), ["left out: icon, tools; the format has no place for it"]),
    ("copilot", agent("cook", front="icon: X\ntools: a, b\n"), ["left out: icon; the format has no place for it"]),
    ("agents-md", agent("cook", front="icon: X\ntools: a, b\n"), []),
    ("copilot", agent("cook", "x" * 30_001), ["30018 characters; Copilot reads 30000, so the rest is lost there: shorten it"]),
    ("claude-skills", agent("cook", RULES.format(when="Soup " + "and soup " * 104, not_when="Bread.")), ["1 Examples are left out of the description, which has room for 1024 characters"]),
    ("claude-skills", agent("cook", RULES.format(when="Soup " + "and soup " * 105, not_when="Bread " + "or rolls " * 9)), [
        "2 Examples are left out of the description, which has room for 1024 characters",
        "Not when is left out of the description, which has room for 1024 characters; shorten it",
    ]),
    ("claude-skills", agent("cook", RULES.format(when="Soup " + "and soup " * 200, not_when="")), [
        "2 Examples are left out of the description, which has room for 1024 characters",
        "a description of 1821 characters is cut to 1024; shorten it",
    ]),
    ("claude-skills", agent("c" * 70), [f"`{'c' * 70}` is called `{'c' * 64}`; a skill's name has small letters, digits and hyphens, 64 at most"]),
    ("claude-skills", agent("cook", RULES.format(when="Soup.", not_when="").replace("broth", "stock")), ["left out: `../prompts/stock.md`, which is not there"]),
]  # fmt: skip


@pytest.mark.parametrize(("target", "text", "said"), LOSSES)
def test_what_a_format_cannot_hold_is_said(
    tmp_path: Path, target: str, text: str, said: list[str]
) -> None:
    root = written(tmp_path / "own", {"agents/cook.md": text} | BROTH)
    made = export(Router.load(root).model, target)
    assert [loss.message for loss in made.losses] == said
    assert {loss.path for loss in made.losses} <= {"agents/cook.md"}


def test_settings_and_tasks_are_not_held(tmp_path: Path) -> None:
    rules = RULES.format(when="Soup is wanted.", not_when="Bread.")
    files = {
        "agents/cook.md": agent("cook", rules),
        "project.yaml": "routing:\n  threshold: 0.7\n",
        "tasks/learned.jsonl": '{"task": "boil it", "expect": "cook/soup"}\n',
    }
    root = written(tmp_path / "own", files | BROTH)
    for target in TARGETS:
        losses = [str(loss) for loss in export(Router.load(root).model, target).losses]
        assert losses == [
            "project.yaml:1: warning: left out: `routing`; a host chooses by itself",
            "tasks/learned.jsonl:1: warning: left out: labelled tasks; a host does not learn from them",
        ]


def test_braces_and_names_survive(tmp_path: Path) -> None:
    rules = RULES.format(when="Soup: “{x}”, #1 or 'two'\\n", not_when="")
    files = {
        "agents/cook.md": agent("cook", "{% raw %}" + BRACES + "{% endraw %}" + rules),
        "agents/Cook-soup.md": agent("Cook-soup", "\nAnother.\n"),
        "prompts/broth.md": f"---\ntitle: 'Broth: hot'\n---\n{BRACES}",
    }
    router = Router.load(written(tmp_path / "own", files))
    for target in TARGETS:
        back = exported(tmp_path, target, export(router.model, target))
        text = "".join(agent.text for agent in back.model.agents)
        prompts = "".join(prompt.text for prompt in back.model.prompts)
        assert BRACES.strip() in text
        assert target == "claude-skills" or BRACES.strip() in prompts
    made = export(router.model, "claude-skills")
    assert {"cook-soup/SKILL.md", "cook-soup-2/SKILL.md"} <= made.files.keys()
    (page,) = [data for path, data in made.files.items() if path.endswith("references/broth.md")]
    assert BRACES.encode() in page
    for path, data in made.files.items():
        if path.endswith("SKILL.md"):
            front = yaml.safe_load(data.decode().split("---\n")[1])
            assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", front["name"])
            assert front["name"] == path.split("/")[0]


def test_the_command(run: Run, tmp_path: Path, library: Callable[[str], Path]) -> None:
    arguments = ("export", "--library", library("good"), "--to", "agents-md", tmp_path / "out")
    done = run(*arguments)
    assert done.returncode == 0
    assert str(tmp_path / "out" / "AGENTS.md") in done.stdout.splitlines()
    again = run(*arguments)
    assert again.returncode == 0
    assert again.stdout == ""
    (tmp_path / "out" / "AGENTS.md").write_text("mine")
    refused = run(*arguments)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == (
        "AGENTS.md:1: is there already, and is not replaced; nothing was written"
    )
    assert (tmp_path / "out" / "AGENTS.md").read_text() == "mine"
