"""Where the task begins and ends, so that no task can say otherwise.

What shuts the task in is chosen after reading it: a fence longer than any in it, a tag that it does
not have. So whatever the task says, it can be taken out again exactly: `recover` does.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.context.formats import Format


def fence(text: str) -> str:
    """A run of backticks longer than any in the text, so that no line of it closes the fence.

    >>> fence("a ```` b")
    '`````'
    """
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(3, longest + 1)


def tag(name: str, text: str) -> str:
    """`name`, with a number if the text has such a tag, opening or closing, in any case.

    >>> tag("task", "a </TASK> b"), tag("task", "a <b>")
    ('task-2', 'task')
    """
    said = text.lower()
    found, number = name, 1
    while f"<{found}" in said or f"</{found}" in said:
        number += 1
        found = f"{name}-{number}"
    return found


def recover(text: str, format: Format) -> str:
    """The task of a context that `Context.render` made in `format`, exactly as it was.

    Raises `ValueError` for a text that is no such context.

    >>> recover("# Task\\n\\n```\\nship it\\n```\\n", "markdown")
    'ship it'
    """
    if format == "markdown":
        closing = text.rstrip("\n").rpartition("\n")[2]
        return _between(text, f"\n{closing}\n", f"\n{closing}\n")
    if format == "xml":
        closing = text.rstrip("\n").rpartition("\n")[2]
        return _between(text, closing.replace("</", "<", 1) + "\n", f"\n{closing}\n")
    content = json.loads(text)
    task = content["parts"][-1]["text"] if format == "json" else content["messages"][-1]["content"]
    return str(task)


def _between(text: str, opening: str, closing: str) -> str:
    end = len(text) - len(closing)
    start = text.rindex(opening, 0, end + 1)  # the task may begin with the break before its end
    return text[start + len(opening) : end]
