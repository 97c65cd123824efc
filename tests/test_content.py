"""The shipped library keeps the promises that it makes to its users."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shutil
import subprocess
import sysconfig
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from pglast import parse_sql

from router.evaluation.cases import Case, read_cases
from router.library.discovery import snapshot
from router.library.folder import Library, read_library
from router.library.records import Rule
from router.library.rules import headings
from router.library.source import Folder
from router.model import text

ROOT = Path(__file__).parent.parent
AGENTS = sorted((ROOT / "agents").glob("*.md"))
PROMPTS = sorted((ROOT / "prompts").glob("*.md"))
HEADINGS = ["When to apply", "Gather first", "Procedure", "Checks", "Output format", "Worked example", "Pitfalls"]  # fmt: skip


@pytest.fixture(scope="module")
def library() -> Library:
    folder = Folder(ROOT)
    return read_library(folder, snapshot(folder))


@pytest.fixture(scope="module")
def cases(library: Library) -> tuple[Case, ...]:
    return read_cases(ROOT / "tests/tasks.jsonl", library.routes)


def test_the_reference_agent_is_what_it_always_was() -> None:
    data = (ROOT / "agents/backend-developer.md").read_bytes()
    assert hashlib.sha256(data).hexdigest() == REFERENCE


REFERENCE = "dfb6c5df367a4d980fea075ab4badd5604a8b30ea016ceb0da8515c2bd626b4a"


def test_nothing_is_wrong_with_it(library: Library) -> None:
    assert library.faults == ()


def test_every_prompt_is_linked(library: Library) -> None:
    linked = {link.path for route in library.routes for link in route.rule.use}
    assert linked == {prompt.path for prompt in library.prompts}


def test_agents(library: Library) -> None:
    assert {agent.id for agent in library.agents} >= {
        "backend-developer",
        "data-scientist",
        "devops-specialist",
        "frontend-developer",
        "security",
        "tester",
    }
    for agent in library.agents:
        assert agent.role
        assert agent.responsibilities
        assert agent.tools
        page = library.pages[agent.path]
        titles = {section.title for section in page.sections}
        assert {"Quality Gates", "Escalation Triggers", "Success Metrics"} <= titles
        assert page.triggers


@pytest.mark.parametrize("path", PROMPTS, ids=lambda path: path.stem)
def test_prompts_have_one_form(path: Path) -> None:
    body = path.read_text()
    titles = [title for title, level, _ in headings(body) if level == 2]
    assert [title for title in titles if title in HEADINGS] == HEADINGS
    assert 400 <= len(body.split()) <= 1200


@pytest.mark.parametrize("path", PROMPTS, ids=lambda path: path.stem)
def test_code_in_prompts_parses(path: Path) -> None:
    for language, code in re.findall(r"^```(\w+)\n(.*?)^```", path.read_text(), re.S | re.M):
        if language == "python":
            ast.parse(code)
        elif language == "json":
            json.loads(code)
        elif language == "yaml":
            list(yaml.safe_load_all(code))
        elif language == "sql":
            parse_sql(code)
        elif language == "bash":
            said(["shellcheck", "--shell=bash", "--severity=warning", TYPED_ONE_BY_ONE, "-"], code)


def said(command: list[str], text: str) -> None:
    """Runs a checker of this environment over a text; it must find nothing."""
    program = Path(sysconfig.get_path("scripts")) / command[0]
    done = subprocess.run(
        [str(program), *command[1:]], input=text, text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


TYPED_ONE_BY_ONE = "--exclude=SC2164"
"""`cd` without `|| exit`: whoever types it sees that it failed."""

NAMES = "orderin,addressin,produkt"
"""Identifiers and foreign words in worked examples."""


@pytest.mark.parametrize("path", [*AGENTS, *PROMPTS], ids=lambda path: path.stem)
def test_words_are_spelt_right(path: Path) -> None:
    """But for Examples, which are as people write."""
    text = re.sub(r"(?ms)^\*\*Examples\*\*:\n(?:- .*?\n)+", "", path.read_text())
    said(["codespell", "--builtin=clear,rare", f"--ignore-words-list={NAMES}", "-"], text)


LANGUAGES = [
    {"name": "java", "frameworks": ["spring"]}, {"name": "go"}, {"name": "rust", "frameworks": []},
    {"name": "c#", "frameworks": ["asp.net"]}, {"name": "kotlin"}, {"name": "swift"},
    {"name": "php", "frameworks": ["laravel", "symfony"]}, {"name": "ruby", "frameworks": ["rails"]},
    {"name": "sql"}, {"name": "python", "frameworks": ["django"]},
]  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [None, "", "project: {name: Ship}\n", yaml.safe_dump({"languages": LANGUAGES})],
    ids=["shipped", "empty", "no languages", "ten languages"],
)
def test_agents_render_whatever_the_project_is(tmp_path: Path, settings: str | None) -> None:
    for name in ("agents", "prompts"):
        shutil.copytree(ROOT / name, tmp_path / name)
    if settings is None:
        settings = (ROOT / "project.yaml").read_text()
    (tmp_path / "project.yaml").write_text(settings)
    folder = Folder(tmp_path)
    found = read_library(folder, snapshot(folder))
    assert [fault for fault in found.faults if fault.path != BASE] == []
    assert {agent.path for agent in found.agents} >= {f"agents/{path.name}" for path in AGENTS} - {
        BASE
    }
    for agent in found.agents:
        assert not re.search(r"\{\{|\{%|\bNone\b|\bUndefined\b", agent.text)


BASE = "agents/base.md"
"""Its rules are those that `agents` in project.yaml asks for; without any it has none, and says so."""


def test_there_are_enough_sample_tasks(library: Library, cases: tuple[Case, ...]) -> None:
    counts = Counter(case.expect for case in cases)
    assert {route.id for route in library.routes if counts[(route.id,)] < 15} == set()
    assert counts[()] >= 150
    assert len({case.task for case in cases}) == len(cases)
    assert sum(not case.task.isascii() and foreign(case.task) for case in cases) >= len(cases) / 40


def foreign(task: str) -> bool:
    """Whether a task has letters that English has not."""
    return any(letter.isalpha() and not letter.isascii() for letter in task)


def test_a_hash_splits_the_sample_tasks(cases: tuple[Case, ...]) -> None:
    """Nothing is chosen on the half `test`."""
    for case in cases:
        half = "dev" if hashlib.sha256(case.task.encode()).digest()[0] < 128 else "test"
        assert case.tags == (half,)


def test_there_are_enough_compound_tasks(library: Library) -> None:
    found = read_cases(ROOT / "tests/compound.jsonl", library.routes)
    assert sum(len(case.expect) > 1 for case in found) >= 60


def test_a_third_of_the_tasks_share_no_word_with_the_title_of_their_rule(
    library: Library, cases: tuple[Case, ...]
) -> None:
    """Nor with those of its prompts; else the tasks would test string search."""
    rules = {route.id: route.rule for route in library.routes}
    asked = [case for case in cases if case.expect]
    apart = [c for c in asked if not content(c.task) & words_of(rules[c.expect[0]])]
    assert len(apart) >= len(asked) / 3


def words_of(rule: Rule) -> set[str]:
    return content(" ".join([rule.title, *(link.title for link in rule.use)]))


def content(said: str) -> set[str]:
    return {text.stem(word) for word in text.words(said) if word not in text.STOP_WORDS}


def test_sample_tasks_are_neither_examples_nor_shared_between_the_splits(library: Library) -> None:
    lines = [
        (ROOT / f"tests/{name}").read_text().splitlines()
        for name in ("tasks.jsonl", "tasks.dev.jsonl")
    ]
    judge, dev = ({json.loads(line)["task"].casefold() for line in rows} for rows in lines)
    examples = {e.casefold() for route in library.routes for e in route.rule.examples}
    assert not judge & dev
    assert not (judge | dev) & examples


def test_no_task_is_learned_that_judges(library: Library, cases: tuple[Case, ...]) -> None:
    """Nor one like it: that has three of five words in common with one."""
    others = [case.task for case in read_cases(ROOT / "tests/compound.jsonl", library.routes)]
    judging = [set(text.words(task)) for task in [*(case.task for case in cases), *others]]
    known = {word: n for n, word in enumerate(sorted(set().union(*judging)))}
    table = np.zeros((len(known), len(judging)), dtype=np.float32)
    for column, words in enumerate(judging):
        table[[known[word] for word in words], column] = 1.0
    sizes = table.sum(axis=0)
    for labelled in library.tasks:
        words = set(text.words(labelled.task))
        common = table[[known[word] for word in words if word in known]].sum(axis=0)
        both = np.maximum(len(words) + sizes - common, 1.0)  # a sticker has no word at all
        nearest = int((common / both).argmax())
        few = len(words) < 4
        assert common[nearest] < both[nearest] * (1.0 if few else 0.6), (
            f"{labelled.path}:{labelled.line} is like {judging[nearest]}"
        )


def test_every_rule_has_learned_from_some_tasks(library: Library) -> None:
    counts = Counter(label for labelled in library.tasks for label in labelled.expect)
    assert set(counts) == {route.id for route in library.routes}
    assert min(counts.values()) >= 100
    assert sum(not labelled.expect for labelled in library.tasks) >= 500
