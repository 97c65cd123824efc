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
    try:
        if format in ("markdown", "xml"):
            closing = text.rstrip("\n").rpartition("\n")[2]
            opening = f"\n{closing}\n" if format == "markdown" else f"<{closing[2:]}\n"
            end = text.rindex(f"\n{closing}\n")
            # The task may begin with the break that ends its opening, or end with that of its end.
            return text[text.rindex(opening, 0, end + 1) + len(opening) : end]
        said = json.loads(text)
        task = said["parts"][-1]["text"] if format == "json" else said["messages"][-1]["content"]
        return str(task)
    except (ValueError, LookupError, TypeError):
        raise ValueError(f"no context in {format}") from None
