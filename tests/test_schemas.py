"""What an editor is told of a file is what the program accepts: keys, values and limits."""

from __future__ import annotations

import json
import string
import tomllib
from collections.abc import Callable, Collection, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import LIBRARIES, ROOT
from jsonschema import Draft202012Validator

from router import CasesError, LibraryError
from router.checking.catalogue import BY_CODE
from router.checking.settings import Ignored, Settings, read_settings
from router.evaluation import cases, gates
from router.evaluation.answers import Answer
from router.evaluation.cases import Case, read_cases
from router.evaluation.comparing import KINDS
from router.evaluation.gates import read_gates
from router.evaluation.measuring import Report, Result
from router.evaluation.metrics import measure
from router.library import frontmatter, tasks
from router.library.discovery import snapshot
from router.library.folder import AGENT_KEYS, PROMPT_KEYS, Library, read_library, slip_of
from router.library.source import Folder
from router.library.tasks import split_lines
from router.model.calibration import Routing, Slopes

SCHEMAS = {
    path.name.removesuffix(".schema.json"): json.loads(path.read_text("utf-8"))
    for path in sorted((ROOT / "schemas").iterdir())
}
CHECK = "properties/check"
IGNORE = f"{CHECK}/properties/ignore/items"
ROUTE = "deployer/deploys"
"""The only rule of the library `good`."""


def accepts(name: str, value: object) -> bool:
    return bool(Draft202012Validator(SCHEMAS[name]).is_valid(value))


def part(name: str, path: str) -> Any:
    """What stands at a path within the schema `name`; a path is keys with `/` between them."""
    found = SCHEMAS[name]
    for key in path.split("/"):
        found = found[key] if key else found
    return found


def read(root: Path) -> Library:
    folder = Folder(root)
    return read_library(folder, snapshot(folder))


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema within a schema that describes a key."""
    if isinstance(schema, dict):
        yield from (p for p in schema.get("properties", {}).values() if isinstance(p, dict))
        for value in schema.values():
            yield from parts(value)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_says_what_each_key_means(name: str) -> None:
    schema = SCHEMAS[name]
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(schema)
    assert schema["title"]
    assert [key for key in (schema, *parts(schema)) if not key.get("description")] == []


@pytest.mark.parametrize(
    ("name", "path", "keys"),
    [
        ("agent", "", AGENT_KEYS),
        ("prompt", "", PROMPT_KEYS),
        ("project", "properties/routing", [field.name for field in fields(Routing)]),
        (
            "project",
            "properties/routing/properties/calibration",
            [field.name for field in fields(Slopes)],
        ),
        ("tasks", "", tasks.KEYS),
        ("cases", "$defs/case", cases.KEYS),
        ("route-toml", "", gates.TABLES),
        ("route-toml", "properties/eval", gates.KEYS),
        ("route-toml", "properties/eval/properties/fail-on", KINDS),
        ("route-toml", CHECK, [field.name for field in fields(Settings)]),
        (
            "route-toml",
            IGNORE,
            {field.name for field in fields(Ignored)} - {"line"},
        ),
    ],
)
def test_the_keys_are_those_of_the_reader(name: str, path: str, keys: Collection[str]) -> None:
    assert sorted(part(name, f"{path}/properties")) == sorted(keys)


def test_the_keys_of_the_settings_are_those_that_are_asked_for(
    library: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[str] = set()

    class Values(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            asked.add(key)
            return super().get(key, default)

    monkeypatch.setattr(frontmatter, "settings", lambda path, text: (Values(project={}), ()))
    assert read(library("good")).faults == ()
    assert asked == part("project", "properties").keys()


def test_the_figures_and_codes_are_all_that_there_are() -> None:
    several = Case("x", ("one/a", "two/b"))
    result = Result(several, Answer(("one/a",), (), "routed", bundle=()), seconds=0.1)
    found = measure(Report((result,)))
    times = {name + gates.LATENCY for name in found.latency}
    assert part("route-toml", "$defs/figures/properties").keys() == found.figures.keys() | times
    assert part("route-toml", f"{IGNORE}/properties/code/enum") == list(BY_CODE)


def test_the_limits_that_are_not_set() -> None:
    check = part("route-toml", f"{CHECK}/properties")
    said = {key: value["default"] for key, value in check.items() if "default" in value}
    assert said == {name: getattr(Settings(), name) for name in said}


def slips_of(key: str) -> str:
    """A pattern of all slips of a key that the reader takes for one: a letter left out or put in,
    and in keys of five letters or more another one instead, or two the wrong way round."""
    other, swapped = "(?:..)?", list[str]()
    if len(key) > 4:
        other = ".{0,2}"
        swapped = [key[:n] + key[n + 1] + key[n] + key[n + 2 :] for n in range(len(key) - 1)]
    forms = [key[:n] + other + key[n + 1 :] for n in range(len(key))] + swapped
    return f"^(?!{key}$)(?:{'|'.join(form for form in forms if form != key)})$"


@pytest.mark.parametrize(("name", "known"), [("agent", AGENT_KEYS), ("prompt", PROMPT_KEYS)])
def test_a_slip_of_the_pen_is_one_to_both(name: str, known: frozenset[str]) -> None:
    assert part(name, "patternProperties") == {slips_of(key): False for key in known}
    fine = {"name": "x", "description": "x"}
    validator = Draft202012Validator(SCHEMAS[name])
    for key in known:
        cuts = [(key[:place], key[place:]) for place in range(len(key) + 1)]
        slips = {a + b[1:] for a, b in cuts} | {a + b[1:2] + b[:1] + b[2:] for a, b in cuts}
        slips |= {a + c + b[skip:] for a, b in cuts for c in "aeistz_" for skip in (0, 1)}
        for slip in slips - known - {""}:
            assert validator.is_valid(fine | {slip: "x"}) == (not slip_of(slip, known)), slip


def test_names_of_agents(library: Callable[[str], Path]) -> None:
    """Every character that stands in ASCII, as the first one and as a later one."""
    root = library("good")
    marks = [mark for mark in string.printable if not mark.isspace()] + [" "]
    for name in ["x" * 100, "x" * 101, "é", *(a + mark + "x" for mark in marks for a in ("", "x"))]:
        text = f"---\nname: {json.dumps(name)}\ndescription: Ships\n---\nShips.\n"
        (root / "agents/deployer.md").write_text(text, "utf-8")
        stripped = name.strip()
        assert accepts("agent", {"name": stripped, "description": "Ships"}) == (
            not read(root).faults
        ), name


def libraries() -> Iterator[Path]:
    """The libraries that nothing is wrong with."""
    yield ROOT
    yield ROOT / "router/starter/library"
    yield from (root for root in sorted(LIBRARIES.iterdir()) if not read(root).faults)


def files() -> Iterator[tuple[str, Path]]:
    for root in libraries():
        for folder, name in (("agents", "agent"), ("prompts", "prompt")):
            yield from ((name, path) for path in sorted((root / folder).glob("**/*.md")))
        yield from (("project", path) for path in root.glob("project.yaml"))
        yield from (("tasks", path) for path in sorted(root.glob("tasks/*.jsonl")))
    yield "agent", ROOT / "router/starter/new/agent.md"
    yield "prompt", ROOT / "router/starter/new/prompt.md"
    yield "cases", ROOT / "router/starter/library/cases.yaml"
    yield from (
        ("cases", path) for path in sorted((ROOT / "tests").glob("*.jsonl")) if "task" in path.name
    )


def values(path: Path) -> Iterator[Any]:
    """What an editor hands to a schema."""
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in split_lines(path.read_bytes()) if line.strip()]
        yield from ([row] if "tests" in path.parent.name else row for row in rows)
    elif path.suffix == ".md":
        text, _ = frontmatter.decode(str(path), path.read_bytes())
        yield frontmatter.split(str(path), text).metadata
    else:
        yield yaml.safe_load(path.read_text("utf-8"))


@pytest.mark.parametrize(
    ("name", "path"), [pytest.param(*row, id=str(row[1].relative_to(ROOT))) for row in files()]
)
def test_what_nothing_is_wrong_with_is_accepted(name: str, path: Path) -> None:
    for value in values(path):
        assert [
            error.message for error in Draft202012Validator(SCHEMAS[name]).iter_errors(value)
        ] == []


def agent(root: Path, text: str) -> bool:
    (root / "agents/deployer.md").write_text(f"---\n{text}\n---\nShips.\n", "utf-8")
    return not read(root).faults


def prompt(root: Path, text: str) -> bool:
    (root / "prompts/style.md").write_text("Write tersely.\n")
    (root / "prompts/ship.md").write_text(f"---\n{text}\n---\nShip.\n", "utf-8")
    return not read(root).faults


def project(root: Path, text: str) -> bool:
    (root / "project.yaml").write_text(text + "\n", "utf-8")
    return not read(root).faults


def task(root: Path, text: str) -> bool:
    (root / "tasks").mkdir()
    (root / "tasks/x.jsonl").write_text(text + "\n", "utf-8")
    return not read(root).faults


def case(root: Path, text: str) -> bool:
    (root / "x.yaml").write_text(f"- {text}\n", "utf-8")
    try:
        read_cases(root / "x.yaml", read(root).routes)
    except CasesError as error:
        # A draft alone is no fault of its row.
        return "only drafts" in str(error)
    return True


def toml(root: Path, text: str) -> bool:
    (root / "route.toml").write_text(text + "\n", "utf-8")
    try:
        read_gates(str(root))
    except LibraryError:
        return False
    return not read_settings(text)[1]


READERS: dict[str, Callable[[Path, str], bool]] = {
    "agent": agent, "prompt": prompt, "project": project, "tasks": task, "cases": case,
    "route-toml": toml,
}  # fmt: skip

AGENT = "name: x\ndescription: Ships"
CALIBRATION = "bias: -1, score: 2, lead: 3"

FINE = {
    "agent": [
        AGENT,
        "name: no\ndescription: 5",
        f"{AGENT}\nteam: platform\nallowed-tools: x",
        f"{AGENT}\nicon:\ntools:\nmodel:\ntemplate:",
        f"{AGENT}\ntools: a, b\nmodel: large\ntemplate: none",
        f"{AGENT}\ntools: [a, b]\ntemplate: jinja",
        f"{AGENT}\ntools: {{a: true, b: false}}",
    ],
    "prompt": [
        "title: Ship",
        "title:\ndescription:\nincludes:\nvariables:",
        "includes: style.md",
        "includes: [style.md]",
        "template: jinja\nvariables: {tone: terse, agents: [a]}",
        "owner: me",
    ],
    "project": [
        "project:\nlanguages:\nagents:\nvariables:\nrouting:",
        "languages: [python, {name: sql, dialect: x}]\nteam: x",
        "agents: [deployer, {name: deployer, team: x}]",
        "agents: {deployer: {team: x}, other: y}",
        "routing: {}",
        "routing: {threshold: 0}",
        f"routing: {{threshold: 1, calibration: {{{CALIBRATION}}}}}",
        "routing: {threshold: 0.5, calibration: {bias: 1000, score: 1000, lead: 0}}",
    ],
    "tasks": [
        f'{{"task": "x", "expect": "{ROUTE}"}}',
        f'{{"task": "x", "expect": ["{ROUTE}"], "note": 5}}',
        '{"task": "x", "expect": null}',
        '{"task": "x", "expect": []}',
    ],
    "cases": [
        f"{{task: x, expect: {ROUTE}, tags: [a, b], weight: 0.5, note: y}}",
        "{task: x, expect: none}",
        "{task: x, expect: null}",
        "{task: x, rule: deploys, agent: deployer}",
        f"{{task: x, rule: {ROUTE}, accept: [{ROUTE}], tags: a}}",
        "{task: x, agent: [deployer]}",
        "{task: x, bundle: ship}",
        "{task: x, expect: x, draft: true}",
    ],
    "route-toml": [
        "",
        "[eval]\nmin = {accuracy = 0.9, top3 = 1}\nmax = {p99_ms = 5}\nfail-on = {worse = 0}",
        '[check]\nmax_tokens = 8000\nmax_bundle_tokens = 1\nmax_description = 1\ntools = ["a"]',
        '[check]\nignore = [{code = "R044", path = "prompts/*", reason = "kept"}]',
        '[check]\nignore = [{code = "R044", reason = "kept"}]',
    ],
}  # fmt: skip

WRONG = {
    "agent": [
        "",
        "description: Ships",
        "name: x",
        "name:\ndescription: Ships",
        'name: x\ndescription: " "',
        "name: x\ndescription:",
        "name: x/y\ndescription: Ships",
        "name: {a: b}\ndescription: Ships",
        "name: x\ndescripton: Ships",
        "- name: x",
        f"{AGENT}\ntoolz: a",
        f"{AGENT}\ntemplates: none",
        f"{AGENT}\ntemplate: jinja2",
        f"{AGENT}\ntemplate: true",
        f"{AGENT}\ntemplate: [jinja]",
    ],
    "prompt": [
        "include: [style.md]",
        "titel: Ship",
        "variable: {tone: terse}",
        "template: yes",
        "includes: 5",
        "includes: {style: style.md}",
        'includes: ""',
        "includes: [5]",
        "includes: [null]",
        'includes: [style.md, ""]',
        "includes: https://example.org/style.md",
        "includes: [/prompts/style.md]",
        f"includes: [{', '.join(['style.md'] * 31)}]",
        "template: jinja\nvariables: [tone]",
        "template: jinja\nvariables: terse",
        "template: jinja\nvariables: {schema: x}",
        "template: jinja\nvariables: {agent: x}",
    ],
    "project": [
        "- project",
        "project: Harbour",
        "project: [Harbour]",
        "languages: python",
        "languages: [5]",
        "languages: [null]",
        "languages: {python: [pytest]}",
        "agents: deployer",
        "variables: [tone]",
        "variables: {schema: x}",
        "routing: 0.5",
        "routing: [0.5]",
        "routing: {treshold: 0.5}",
        "routing: {threshold: null}",
        'routing: {threshold: "0.5"}',
        "routing: {threshold: true}",
        "routing: {threshold: 1.1}",
        "routing: {threshold: -0.1}",
        f"routing: {{calibration: {{{CALIBRATION}}}}}",
        "routing: {threshold: 0.5, calibration: null}",
        "routing: {threshold: 0.5, calibration: {bias: 1, score: 2}}",
        f"routing: {{threshold: 0.5, calibration: {{{CALIBRATION}, slope: 1}}}}",
        "routing: {threshold: 0.5, calibration: {bias: -1001, score: 2, lead: 3}}",
        "routing: {threshold: 0.5, calibration: {bias: 1001, score: 2, lead: 3}}",
        "routing: {threshold: 0.5, calibration: {bias: 1, score: -2, lead: 3}}",
        "routing: {threshold: 0.5, calibration: {bias: 1, score: 1001, lead: 3}}",
        "routing: {threshold: 0.5, calibration: {bias: 1, score: 2, lead: -3}}",
        "routing: {threshold: 0.5, calibration: {bias: 1, score: 2, lead: 1001}}",
    ],
    "tasks": [
        "[]",
        '{"task": "x"}',
        f'{{"expect": "{ROUTE}"}}',
        '{"task": " ", "expect": null}',
        '{"task": 5, "expect": null}',
        '{"task": "x", "expect": 5}',
        '{"task": "x", "expect": "none"}',
        f'{{"task": "x", "expect": ["{ROUTE}", "{ROUTE}"]}}',
        '{"task": "x", "expect": [null]}',
        '{"task": "x", "expect": null, "tags": []}',
        f'{{"task": "{"x" * 32769}", "expect": null}}',
    ],
    "cases": [
        "x",
        "{task: x}",
        "{task: x, tags: [a]}",
        f"{{expect: {ROUTE}}}",
        f'{{task: "", expect: {ROUTE}}}',
        f"{{task: x, expects: {ROUTE}}}",
        "{task: x, expect: 5}",
        "{task: x, expect: {a: b}}",
        f"{{task: x, expect: [{ROUTE}, {ROUTE}]}}",
        f"{{task: x, expect: {ROUTE}, rule: {ROUTE}}}",
        "{task: x, agent: [5]}",
        f"{{task: x, expect: {ROUTE}, tags: [a, a]}}",
        f"{{task: x, expect: {ROUTE}, weight: 0}}",
        f"{{task: x, expect: {ROUTE}, weight: 1000000}}",
        f"{{task: x, expect: {ROUTE}, weight: true}}",
        f"{{task: x, expect: {ROUTE}, note: 5}}",
        f"{{task: x, expect: {ROUTE}, draft: later}}",
    ],
    "route-toml": [
        "[evaluation]",
        "eval = 1",
        "check = 1",
        "[eval]\nminimum = {accuracy = 0.9}",
        "[eval]\nmin = 0.9",
        '[eval]\nmin = {accuracy = "0.9"}',
        "[eval]\nmax = {ece = true}",
        "[eval]\nfail-on = {worst = 0}",
        "[eval]\nfail-on = {worse = -1}",
        "[eval]\nfail-on = {worse = 0.5}",
        "[check]\nmax_token = 3",
        "[check]\nmax_tokens = 0",
        '[check]\nmax_tokens = "3"',
        '[check]\ntools = "a"',
        '[check]\nignore = "R044"',
        '[check]\nignore = ["R044"]',
        '[check]\nignore = [{code = "R044"}]',
        '[check]\nignore = [{code = "R044", reason = " "}]',
        '[check]\nignore = [{code = "R999", reason = "kept"}]',
        '[check]\nignore = [{reason = "kept"}]',
        '[check]\nignore = [{code = "R044", reason = "kept", line = 3}]',
    ],
}  # fmt: skip


def value_of(name: str, text: str) -> Any:
    if name == "route-toml":
        return tomllib.loads(text)
    value = json.loads(text) if name == "tasks" else yaml.safe_load(text)
    return [value] if name == "cases" else value


@pytest.mark.parametrize(
    ("name", "text", "fine"),
    [
        pytest.param(name, text, fine, id=f"{name} {text[:70]}")
        for table, fine in ((FINE, True), (WRONG, False))
        for name, texts in table.items()
        for text in texts
    ],
)
def test_schema_and_reader_say_the_same(
    name: str, text: str, fine: bool, library: Callable[[str], Path]
) -> None:
    """The reader finds a fault, an error or a warning, where the schema finds one."""
    assert READERS[name](library("good"), text) == fine
    assert accepts(name, value_of(name, text)) == fine


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("agent", "name: [x]\ndescription: Ships"),
        ("agent", "name: x\ndescription: {for: ships}"),
        ("agent", f"{AGENT}\ntools: 5"),
        ("prompt", "title: [Ship]"),
        ("prompt", "variables: {schema: only templates have variables}"),
        ("route-toml", "[eval]\nmin = {acuracy = 0.9}"),
    ],
)
def test_what_the_reader_lets_pass(name: str, text: str, library: Callable[[str], Path]) -> None:
    """It makes the best of what nobody means, and knows the figures only when there are some."""
    assert READERS[name](library("good"), text)
    assert not accepts(name, value_of(name, text))
