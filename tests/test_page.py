"""The HTML report: self-contained, usable without a mouse, looked at in a real browser."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run

from router import Router
from router.evaluation.answers import Answer, Ranked
from router.evaluation.cases import Case
from router.evaluation.comparing import Paired
from router.evaluation.crossvalidation import asked
from router.evaluation.measuring import Report, Result, evaluate
from router.evaluation.metrics import Confusion, measure
from router.evaluation.page import MAX_CELLS, Findings, matrix_of, page
from router.evaluation.plane import Dot, placed, plane
from router.terminal.report import LABELS, why_line

HOSTILE = "</td><script>alert(1)</script>\n{{ x }} & \"quotes\" 'too' 日本"

COOK, MATE = "crew/cook", "crew/mate"


def result(task: str, expect: str, first: str, sure: float, *, took: bool = True) -> Result:
    answer = Answer(
        (first,) if took else (), (Ranked(first, sure, sure),), "routed", "", sure, words=("fry",)
    )
    return Result(Case(task, (expect,) if expect else (), 2, "a.jsonl"), answer)


def findings(*results: Result, **more: Any) -> Findings:
    report = Report(results)
    return Findings("Harbour <b>", report, measure(report), **more)


FINDINGS = findings(
    result("fry herring", COOK, COOK, 0.93),
    result(HOSTILE, COOK, MATE, 0.4),
    result("boil an egg", "", MATE, 0.01, took=False),
    rules=[Dot(COOK, 0.0, 0.5), Dot(MATE, 0.9, 0.5)],
    cases=[Dot("fry herring", -1.0, 1.0), Dot(HOSTILE, 0.1, 0.1, right=False)],
)


def shown(found: Findings) -> str:
    return page(found, LABELS, why_line)


class Outline(HTMLParser):
    """The tags of a page, and what its attributes refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attributes if name in ("src", "href")]


def outline(html: str) -> Outline:
    found = Outline()
    found.feed(html)
    return found


def test_nothing_is_loaded_from_anywhere() -> None:
    found = outline(shown(FINDINGS))
    assert all(link.startswith("#") for link in found.links)
    assert not {"link", "img", "iframe"} & set(found.tags)
    assert found.tags.count("script") == 1


def test_text_of_others_is_text() -> None:
    html = shown(FINDINGS)
    assert "<b>" not in html
    assert "alert(1)</script>" not in html
    assert "{{ x }}" in html


def test_only_the_worst_of_many_rules_are_shown() -> None:
    names = [f"r{number:03}" for number in range(MAX_CELLS + 5)]
    mistakes = [Confusion(names[-1], names[0], 3)]
    matrix = matrix_of([*mistakes, *(Confusion(name, name, 1) for name in names)])
    assert len(matrix.labels) == MAX_CELLS < matrix.total == len(names)
    assert {names[0], names[-1]} <= set(matrix.labels)
    assert names[-2] not in matrix.labels
    assert matrix.cells[-1][0] == matrix.most == 3
    own = tuple(Confusion(name, name, 1) for name in names)
    html = shown(replace(FINDINGS, metrics=replace(FINDINGS.metrics, confusions=own)))
    assert f"The {MAX_CELLS} of {len(names)} that are confused most" in html


def test_no_figure_no_map_and_no_change_is_a_page() -> None:
    html = shown(findings(result("boil an egg", "", MATE, 0.01, took=False)))
    assert "1 of 1" in html
    assert "nan" not in html
    assert 'id="map"' not in html
    assert 'id="changes"' not in html


def test_changes_are_shown() -> None:
    now = FINDINGS.report
    first = now.results[0]
    wrong = replace(first, answer=replace(first.answer, taken=(MATE,)))
    before = Report((wrong, *now.results[1:]))
    html = shown(replace(FINDINGS, changed=Paired(before, now), before="main"))
    assert "1 of 3 cases are decided otherwise than by main: 1 better, 0 worse" in html


def test_the_map_of_a_library(router: Router) -> None:
    """A rule's own When lies where the rule does; one of another agent's does not."""
    first, *_, last = router.routes
    cases = [Case(route.rule.when, (route.id,)) for route in (first, last)]
    rules, dots = placed(router, evaluate(asked(router), cases).results)
    assert [dot.label for dot in rules] == [route.id for route in router.routes]

    def far(case: Dot, rule: Dot) -> float:
        return math.dist((case.x, case.y), (rule.x, rule.y))

    for case, own, other in ((0, 0, -1), (1, -1, 0)):
        assert far(dots[case], rules[own]) < far(dots[case], rules[other])


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_plane(count: int) -> None:
    rules, cases = plane(np.eye(count) * 3, np.zeros((0, count)))
    assert rules.shape == (count, 2)
    assert cases.shape == (0, 2)
    assert np.abs(rules).max(initial=0.0) <= 1.0
    again, one = plane(np.eye(count) * 3, np.eye(count)[:1] * 7)
    np.testing.assert_allclose(one[0], again[0], atol=1e-9)  # a task that scores as its rule does


BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if BROWSER is None:
        pytest.skip("no Chromium is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        launched = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield launched
        launched.close()


@dataclass
class Visit:
    """A page that is opened from the disk, what its console said and what it asked for."""

    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @classmethod
    def to(cls, browser: Any, file: Path) -> Visit:
        visit = cls(browser.new_page())
        visit.page.on("console", lambda message: visit.said.append(message.text))
        visit.page.on("pageerror", lambda error: visit.said.append(str(error)))
        visit.page.on("request", lambda request: visit.asked.append(request.url))
        visit.page.goto(file.as_uri())
        return visit


def test_a_real_evaluation_in_a_browser(browser: Any, run: Run, crew: Path, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    done = run("eval", "tests/tasks.jsonl", "--against", "HEAD", "--html", file, cwd=crew)
    assert done.returncode == 0, done.stderr
    visit = Visit.to(browser, file)
    assert visit.page.title() == "Crew: tasks.jsonl"
    for section in ("figures", "doubt", "rules", "confusion", "changes", "map", "cases"):
        assert visit.page.locator(f"#{section}").is_visible(), section
    assert visit.page.locator("#map circle.rule").count() == 3
    assert visit.page.locator("#map circle.dot").count() == 4
    assert visit.page.locator("#rows tr").count() == 4
    visit.page.set_viewport_size({"width": 400, "height": 800})
    wide = visit.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 400
    assert visit.said == []
    assert visit.asked == [file.as_uri()]


def test_in_a_browser(browser: Any, tmp_path: Path) -> None:
    """The table filters; the console stays empty; no request leaves the page; keys suffice."""
    file = tmp_path / "report.html"
    file.write_text(shown(FINDINGS), "utf-8")
    visit = Visit.to(browser, file)
    opened = visit.page

    def rows() -> list[str]:
        found = opened.locator("#rows tr:visible td.task").all_inner_texts()
        return [re.sub(r"\s+", " ", row) for row in found]

    assert len(rows()) == 3
    assert rows()[1] == re.sub(r"\s+", " ", HOSTILE)
    opened.locator("#words").focus()
    opened.keyboard.type("HERRING")
    assert rows() == ["fry herring"]
    assert opened.locator("#shown").inner_text() == "1 of 3"
    opened.keyboard.press("Control+A")
    opened.keyboard.press("Delete")
    opened.keyboard.press("Tab")
    opened.keyboard.type("wrong")
    assert opened.locator("#shown").inner_text() == "1 of 3"
    assert opened.locator("#outcome").input_value() == "wrong"
    for scheme in ("light", "dark"):
        opened.emulate_media(color_scheme=scheme)
        colours = opened.evaluate(
            "(({color, backgroundColor}) => [color, backgroundColor])(getComputedStyle(document.body))"
        )
        ink, back = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours)
        assert (ink > back) == (scheme == "dark")
    opened.emulate_media(media="print")
    assert not opened.locator(".filters").is_visible()
    assert visit.said == []
    assert visit.asked == [file.as_uri()]
