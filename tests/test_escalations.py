"""The agent's escalation triggers that a task touches, and the words that touched them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from router import Router


def touched(router: Router, task: str, agent: str) -> list[tuple[str, tuple[str, ...]]]:
    """As if the best rule of the agent had been taken."""
    decision = router.route(task, agent=agent)
    taken = type(decision)(
        task, decision.candidates, decision.candidates[:1], "routed", 1.0, 0.0, model=router.model
    )
    return [(found.trigger.title, found.words) for found in taken.escalations]


@pytest.mark.parametrize(
    ("task", "agent", "expected"),
    [
        ("optimize slow queries", "backend-developer", []),
        (
            "find the performance bottleneck in the database",
            "backend-developer",
            [("Performance bottlenecks", ("performance", "bottleneck", "database"))],
        ),
        (
            "a security vulnerability was reported, review the login",
            "backend-developer",
            [("Security vulnerabilities", ("security", "vulnerability", "review"))],
        ),
        # Half of what the title says is enough, in any form of the words.
        ("scalable endpoints", "backend-developer", [("Scalability challenges", ("scalable",))]),
        # The rules of this agent speak of data all the time: that tells nothing.
        ("clean the data of the export", "data-scientist", []),
        ("may we use personal data here", "data-scientist", [("Personal data", ("personal", "data"))]),
        ("the and of", "backend-developer", []),
    ],
)  # fmt: skip
def test_triggers_that_a_task_touches(
    router: Router, task: str, agent: str, expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    assert touched(router, task, agent) == expected


def test_an_abstention_touches_nothing(router: Router) -> None:
    decision = router.route("the slow database queries are our performance bottleneck")
    assert decision.escalations
    assert replace(decision, matches=(), outcome="ambiguous").escalations == ()


def test_the_context_carries_them(router: Router) -> None:
    decision = router.route("the slow database queries are our performance bottleneck")
    (found,) = decision.escalations
    assert found.source == "agents/backend-developer.md:90"
    *_, part, task = router.assemble(decision).parts
    assert (part.role, part.title, part.lines, part.trust) == (
        "escalation",
        "Performance bottlenecks",
        (90, 90),
        "library",
    )
    assert part.text == "Database or infrastructure optimization needed"
    assert task.role == "task"
    assert decision.to_dict()["escalations"] == [
        {
            "agent": "backend-developer",
            "trigger": "Performance bottlenecks",
            "text": "Database or infrastructure optimization needed",
            "words": ["database", "performance", "bottleneck"],
            "source": "agents/backend-developer.md:90",
        }
    ]


def test_common_patterns_are_hints(router: Router) -> None:
    hints = router.assemble(router.route("optimize slow queries")).to_dict()["hints"]
    assert [hint["title"] for hint in hints] == [
        "Python Backend Tasks",
        "Typescript Backend Tasks",
        "Sql Backend Tasks",
    ]
    assert hints[0] == {
        "title": "Python Backend Tasks",
        "pattern": "Develop python backend for Fastapi, Sqlalchemy, Pytest",
        "decompose": ["API design", "Database modeling", "Implementation", "Testing"],
        "context": [f"src/backend/{name}/*.py" for name in ("fastapi", "sqlalchemy", "pytest")],
        "validation": "Backend testing and integration testing",
    }
