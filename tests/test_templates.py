"""Bodies render as stock Jinja2 renders them, or are refused in time with a line and a reason."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from router.library.templates import MAX_SECONDS, TemplateError, render

ROOT = Path(__file__).parent.parent

SCHEMA: dict[str, Any] = {
    "project": {"name": "Harbour", "description": "Ships & <cargo>"},
    "languages": [
        {"name": "python", "frameworks": ["fastapi", "sqlalchemy"]},
        {"name": "javascript", "frameworks": ["react"]},
        {"name": "cobol"},
    ],
    "agents": {"pilot": {"jobs": ["docking", "towing"]}, "cook": {}},
}

ACCEPTED = [
    "plain text, no newline",
    "trailing newlines\n\n",
    "{{ schema.project.name }}",
    "{{ schema['project']['description'] }}",
    "{% for l in schema.languages %}- {{ l.name|title }}\n{% endfor %}",
    "{% for l in schema.languages %}{{ l.frameworks|join(', ') if l.frameworks else l.name }};{% endfor %}",
    "{% for l in schema.languages %}{% for f in l.frameworks %}{{ f }}{% if not loop.last %}, {% endif %}{% endfor %}{% endfor %}",
    "{% for l in schema.languages %}{{ 'py' if l.name == 'python' else 'js' if l.name in ['javascript', 'typescript'] else l.name }} {% endfor %}",
    "{%- for l in schema.languages -%} {{ loop.index }}/{{ loop.length }} {%- endfor -%}",
    "{% for l in schema.languages if l.frameworks %}{{ l.name }}{% else %}none{% endfor %}",
    "{% for l in [] %}x{% else %}none{% endfor %}",
    "{% for name, agent in schema.agents.items() %}{{ name }}:{{ agent.jobs or [] }} {% endfor %}",
    "{% if schema.project.name and not schema.nothing %}yes{% elif true %}no{% else %}never{% endif %}",
    "{{ schema.languages[0].frameworks[-1] }} {{ schema.languages[1:]|length }}",
    "{{ schema.nothing|default('fallback') }} {{ schema.nothing is defined }}",
    "{{ 'a,b'.split(',') }} {{ ' '.join(['x', 'y']) }} {{ 'Abc'.lower() }}{{ 'abc'|upper }}",
    "{{ 'one two'|replace('one', 'three')|capitalize }} {{ [3, 1, 2]|sort|first }}",
    "{{ 'a' ~ 1 ~ 'b' }} {{ 1 + 2 - 4 }} {{ 3 > 2 or false }} {{ {'k': 1}.get('k') }}",
    "{# a comment #}{% raw %}{{ kept }}{% endraw %}",
    "{% for a in 'xyz' %}{{ loop.cycle('odd', 'even') }}{{ loop.first }}{% endfor %}",
    "${{ '{' }}x} {x} $x `x` {{ '{{' }}",
]


@pytest.mark.parametrize("template", ACCEPTED)
def test_renders_as_stock_jinja(template: str) -> None:
    expected = jinja2.Template(template).render(schema=SCHEMA)
    assert render(template, {"schema": SCHEMA}).text == expected


@pytest.mark.parametrize("path", sorted((ROOT / "agents").glob("*.md")), ids=lambda p: p.stem)
@pytest.mark.parametrize("languages", [None, [], [{"name": "go"}]], ids=["own", "none", "bare"])
def test_shipped_agents_render_as_stock_jinja(path: Path, languages: list[Any] | None) -> None:
    schema = yaml.safe_load((ROOT / "project.yaml").read_text())
    if languages is not None:
        schema["languages"] = languages
    body = path.read_text().split("---\n", 2)[2]
    variables = {"schema": schema, "agent": {}}
    assert render(body, variables).text == jinja2.Template(body).render(variables)


REFUSED = [
    ("x\n{{ 'a'*10**9 }}", 2, "`mul` is not allowed"),
    ("{% if false %}\n{{ 'a'*10**9 }}\n{% endif %}", 2, "`mul` is not allowed"),
    ("{{ 9**(9**9) }}", 1, "`pow` is not allowed"),
    ("{{ '%s' % 1 }}", 1, "`mod` is not allowed"),
    ("{% set x = 1 %}", 1, "`assign` is not allowed"),
    ("{% macro m() %}{% endmacro %}", 1, "`macro` is not allowed"),
    ("{% call m() %}{% endcall %}", 1, "`callblock` is not allowed"),
    (
        "{% macro a() %}{{ b() }}{{ b() }}{% endmacro %}{% macro b() %}xx{% endmacro %}{{ a() }}",
        1,
        "`macro` is not allowed",
    ),
    ("{% include 'x' %}", 1, "`include` is not allowed"),
    ("{% import 'x' as y %}", 1, "`import` is not allowed"),
    ("{% from 'x' import y %}", 1, "`fromimport` is not allowed"),
    ("{% block b %}{% endblock %}", 1, "`block` is not allowed"),
    ("{% with a = 1 %}{% endwith %}", 1, "`with` is not allowed"),
    ("{% filter upper %}x{% endfilter %}", 1, "`filterblock` is not allowed"),
    (
        "x\n{% autoescape true %}x{% endautoescape %}",
        2,
        "`scopedevalcontextmodifier` is not allowed",
    ),
    ("{{ self }}", 1, "cannot be printed"),
    ("{{ lipsum(5) }}", 1, "only these can be called"),
    (
        "{% for a in range(10**9) %}{% for b in range(10**9) %}{% endfor %}{% endfor %}",
        1,
        "only these can be called",
    ),
    (
        "{% for a in ['x'] %}{% for b in [a ~ a] %}{% for c in [b ~ b] %}{{ c }}"
        "{% endfor %}{% endfor %}{% endfor %}",
        1,
        "a loop over a list of variables",
    ),
    ("{{ 'a'.center(1000000000) }}", 1, "only these can be called"),
    ("{% extends 'x' %}", 1, "`extends` is not allowed"),
    ("{{ 'a'|center(1000000000) }}", 1, "no filter `center`"),
    ("{{ [1, 2]|batch(9) }}", 1, "no filter `batch`"),
    ("{{ range(9) }}", 1, "only these can be called"),
    ("{{ ''.format() }}", 1, "only these can be called"),
    ("{{ ''.__class__ }}", 1, "unsafe"),
    ("{{ ''.__class__.__mro__ }}", 1, "unsafe"),
    ("a\nb {{ missing }}", 2, "'missing' is undefined; define it in project.yaml"),
    ("{{ schema.projekt.name }}", 1, "no attribute 'projekt'"),
    ("{{ missing|title }}", 1, "'missing' is undefined"),
    ("{{ missing|join(',') }}", 1, "'missing' is undefined"),
    ("{% for x in y %}", 1, "Unexpected end of template"),
    ("x\n\n{% endif %}", 3, "unknown tag 'endif'"),
    ("{{ 1 + 'a' }}", 1, "unsupported operand"),
    ("{% for a in 'aaaaaaaaaaaaaaaa' %}" * 8 + "{% endfor %}" * 8, 1, "loops run too long"),
    (
        "{{ 'aaaaaaaaaa'" + "|replace('a', 'aaaaaaaaaaaaaaaaaaaa')" * 12 + " }}",
        1,
        "make it shorter",
    ),
    (
        "{{ 'aaaaaaaaaa'" + ".replace('a', 'aaaaaaaaaaaaaaaaaaaa')" * 12 + " }}",
        1,
        "make it shorter",
    ),
    ("{{ ('a' ~ 'b')" + "|join('aaaaaaaaaaaaaaaaaaaa')" * 12 + " }}", 1, "make it shorter"),
    ("{% for a in 'aaaaaaaaaa' %}" * 4 + "x" * 200 + "{% endfor %}" * 4, 1, "characters come out"),
    ("{% if true %}" * 300 + "{% endif %}" * 300, 1, "nested"),
    ("{% for a in 'ab' %}" * 25 + "{% endfor %}" * 25, 1, "too many statically nested"),
    ("{{ 'a'.upper }}", 1, "cannot be printed"),
    ("{{ [1, 2]|reverse }}", 1, "cannot be printed"),
    ("{{ 'a\\x00b' }}", 1, "an escape that is no character"),
    ("{{ '\\ud800' }}", 1, "an escape that is no character"),
    ("{{ " + "9" * 5000 + " }}", 1, "template: "),
    (
        "{% for a, b in [([1], [1])] %}{% for c in [[a, b]] %}{% endfor %}{% endfor %}",
        1,
        "a loop over a list of variables",
    ),
    ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", 1, "nested too deep"),
    ("{{ x }}" * 30_000, 1, "more than 20000 nodes"),
]


@pytest.mark.parametrize(("template", "line", "message"), REFUSED)
def test_refuses_with_a_line_and_a_reason(template: str, line: int, message: str) -> None:
    started = time.monotonic()
    with pytest.raises(TemplateError) as caught:
        render(template, {"schema": SCHEMA, "x": 1})
    assert message in str(caught.value)
    assert caught.value.line == line
    assert time.monotonic() - started < MAX_SECONDS + 5


def test_every_line_knows_its_line_in_the_template() -> None:
    template = "first\n{% for l in schema.languages %}\n- {{ l.name }}\n{% endfor %}\nlast"
    rendered = render(template, {"schema": SCHEMA})
    lines = dict(zip(rendered.text.split("\n"), rendered.lines, strict=True))
    assert {lines[f"- {name}"] for name in ("python", "javascript", "cobol")} == {3}
    assert (lines["first"], lines["last"]) == (1, 5)


def test_a_value_is_never_a_template() -> None:
    assert render("{{ x }}", {"x": "{{ 7 * 7 }}"}).text == "{{ 7 * 7 }}"
