"""The HTML report: self-contained, usable without a mouse, looked at in a real browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from router.evaluation.page import MAX_CELLS, Bar, Bin, Dot, Findings, Measure, Row, page, plane

HOSTILE = "</td><script>alert(1)</script>\n{{ x }} & \"quotes\" 'too' 日本"

FINDINGS = Findings(
    title="Harbour <b>",
    measures=[Measure("accuracy", 0.5, 0.1, 0.9, "1/2")],
    bars=[Bar("crew/cook", 2, 1.0, 0.5, 0.667), Bar("none", 1, 0.0, 0.0, 0.0)],
    labels=["crew/cook", "none"],
    confusion=[[1, 1], [0, 1]],
    bins=[Bin(0.2, 0.0, 1), Bin(0.9, 1.0, 2)],
    curve=[(0.5, 0.0), (1.0, 0.5)],
    rules=[Dot("crew/cook", 0.0, 0.5)],
    cases=[Dot("fry herring", -1.0, 1.0)],
    rows=[
        Row("fry herring", "crew/cook", "crew/cook", 0.93, right=True, why="decided by: fry"),
        Row(
            HOSTILE, "crew/cook", "none", 0.07, right=False, why="nothing fits", source="a.jsonl:2"
        ),
        Row("boil an egg", "none", "none", 0.01, right=True, why="nothing fits"),
    ],
)


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
    found = outline(page(FINDINGS))
    assert all(link.startswith("#") for link in found.links)
    assert not {"link", "img", "iframe"} & set(found.tags)
    assert found.tags.count("script") == 1


def test_text_of_others_is_text() -> None:
    html = page(FINDINGS)
    assert "<b>" not in html
    assert "alert(1)</script>" not in html
    assert "{{ x }}" in html


def test_only_the_worst_of_many_rules_are_shown() -> None:
    count = MAX_CELLS + 5
    matrix = np.eye(count, dtype=int)
    matrix[count - 1, 0] = 3
    many = replace(FINDINGS, labels=[f"r{n:03}" for n in range(count)], confusion=matrix.tolist())
    html = page(many)
    assert f"The {MAX_CELLS} of {count} that are confused most" in html
    assert "r064 → r000: 3" in html
    assert "r063 → r063" not in html


def test_an_empty_evaluation_is_a_page() -> None:
    assert "0 of 0" in page(Findings("Empty", (), (), (), (), (), (), (), (), ()))


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


def test_in_a_browser(browser: Any, tmp_path: Path) -> None:
    """The table filters; the console stays empty; no request leaves the page; keys suffice."""
    file = tmp_path / "report.html"
    file.write_text(page(FINDINGS), "utf-8")
    opened = browser.new_page()
    said: list[str] = []
    asked: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(file.as_uri())

    def shown() -> list[str]:
        rows = opened.locator("#rows tr:visible td.task").all_inner_texts()
        return [re.sub(r"\s+", " ", row) for row in rows]

    assert len(shown()) == 3
    assert shown()[1] == re.sub(r"\s+", " ", HOSTILE)
    opened.locator("#words").focus()
    opened.keyboard.type("HERRING")
    assert shown() == ["fry herring"]
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
    assert said == []
    assert asked == [file.as_uri()]
