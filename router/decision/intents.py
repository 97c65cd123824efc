"""A task to the clauses that may each ask for something of its own."""

from __future__ import annotations

import re

MAX_CLAUSES = 12
"""A task of more clauses is a story or a document, not a list of wishes."""

_CUT = re.compile(
    r"""(?xi)
      [.;!?:]+ (?=\s|$)
    | \n+
    | \s [\u2013\u2014-]+ \s
    | , \s
    | ,? \s (?: (?:and|then|also|plus|before|after|afterwards|once|while|but|so|finally|please)
                \b \s? )+
    | (?: ^ | (?<=\s) ) \(? \d{1,2} [.)] \s
    """
)


def clauses(task: str) -> tuple[str, ...]:
    """The clauses of a task in order; none if it has just one, or more than `MAX_CLAUSES`.

    Cuts wherever a second wish may begin; whether one does, what the clauses match decides.

    >>> clauses("fix the slow report query and then deploy it")
    ('fix the slow report query', 'deploy it')
    >>> clauses("optimize slow queries")
    ()
    """
    found = [clause for cut in _CUT.split(task) if " " in (clause := cut.strip())]
    return tuple(found) if 1 < len(found) <= MAX_CLAUSES else ()
