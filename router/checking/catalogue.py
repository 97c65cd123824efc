"""All checks, by code, and the pages that explain them."""

from __future__ import annotations

from router.checking import naming, prompts, reading, separating
from router.checking.fixing import FIXES
from router.checking.subject import Check

CHECKS: tuple[Check, ...] = tuple(
    sorted(
        (*reading.CHECKS, *naming.CHECKS, *prompts.CHECKS, *separating.CHECKS),
        key=lambda check: check.code,
    )
)

BY_CODE = {check.code: check for check in CHECKS}


def page(check: Check) -> str:
    """The explanation of one check, in markdown."""
    fixable = ", `--fix` mends it" if check.code in FIXES else ""
    return f"## {check.code}: {check.title}\n\n*{check.severity}{fixable}*\n\n{check.explanation}"


def pages() -> str:
    """All of `docs/checks.md`."""
    head = (
        "# What `route check` finds\n\n"
        "An **error** stops the library from being compiled; in a file of another tool it is a"
        " warning, and\nthe file is left out. A **warning** is a fault that routing goes on with,"
        " **advice** what could be better.\n"
        "`route check --explain CODE` prints one of these pages, `route check --explain all` this"
        " file.\n\n| code | | severity | fix |\n|---|---|---|---|\n"
    )
    rows = (
        f"| [{check.code}](#{_anchor(check)}) | {check.title} | {check.severity} |"
        f" {'yes' if check.code in FIXES else ''} |\n"
        for check in CHECKS
    )
    return head + "".join(rows) + "\n" + "\n".join(map(page, CHECKS))


def _anchor(check: Check) -> str:
    """As GitHub makes it of a heading."""
    kept = (c for c in f"{check.code}-{check.title}".lower() if c.isalnum() or c in " -_")
    return "".join(kept).replace(" ", "-")
