"""What prompts include, directly and through others: acyclic, not too deep, each once."""

from __future__ import annotations

from collections.abc import Mapping

from router.errors import Fault
from router.library.records import Link

MAX_DEPTH = 8
"""Of includes below one prompt; further down nobody knows what a model reads."""


def resolve_includes(
    links: Mapping[str, tuple[Link, ...]],
) -> tuple[dict[str, tuple[Link, ...]], list[Fault]]:
    """All that each prompt includes, what it names first, and every circle and chain too long.

    `links` are those of each prompt, by path, and lead to others of them or nowhere.

    >>> chain = {"a": (Link("B", "b", 1, "b"),), "b": (Link("C", "c", 1, "c"),), "c": ()}
    >>> [link.path for link in resolve_includes(chain)[0]["a"]]
    ['b', 'c']
    """
    faults: list[Fault] = []
    depths: dict[str, int] = {}
    order = _leaves_first(links)
    for path in order:
        below = [(depths[link.path], link) for link in links[path] if link.path]
        depth, deepest = max(below, key=lambda pair: pair[0], default=(-1, None))
        depths[path] = depth + 1
        if deepest and depths[path] == MAX_DEPTH + 1:
            message = f"`includes` are {MAX_DEPTH + 1} deep; the limit is {MAX_DEPTH}: name fewer"
            faults.append(Fault(path, deepest.line, message, code="R046"))
    faults += _circles({path: links[path] for path in links if path not in depths})
    if faults:
        return {}, faults
    closures: dict[str, tuple[Link, ...]] = {}
    for path in order:
        reached = {link.path or link.target: link for link in links[path]}
        for link in links[path]:
            for further in closures.get(link.path or "", ()):
                reached.setdefault(further.path or further.target, further)
        closures[path] = tuple(reached.values())
    return closures, []


def _leaves_first(links: Mapping[str, tuple[Link, ...]]) -> list[str]:
    """The prompts, each behind all that it includes; without those of a circle or before one."""
    open_links = {
        path: len({link.path for link in found} - {None}) for path, found in links.items()
    }
    users: dict[str, list[str]] = {}
    for path, found in links.items():
        for target in dict.fromkeys(link.path for link in found):
            users.setdefault(target or "", []).append(path)
    order = [path for path, count in open_links.items() if not count]
    for path in order:
        for user in users.get(path, ()):
            open_links[user] -= 1
            if not open_links[user]:
                order.append(user)
    return order


def _circles(links: Mapping[str, tuple[Link, ...]]) -> list[Fault]:
    """A fault for each circle that can be walked into by following the first link that is left."""
    faults: dict[frozenset[str], Fault] = {}
    done: set[str] = set()
    for start in sorted(links):
        trail: list[tuple[str, Link]] = []
        places: dict[str, int] = {}
        path = start
        while path not in done and path not in places:
            places[path] = len(trail)
            link = next(link for link in links[path] if link.path in links)
            trail.append((path, link))
            path = link.path or ""
        if path in places:
            circle = trail[places[path] :]
            last, link = circle[-1]
            shown = " → ".join([*(name for name, _ in circle), path])
            message = f"`includes` goes round in a circle: {shown}; take one out"
            faults[frozenset(places)] = Fault(last, link.line, message, code="R046")
        done |= places.keys()
    return list(faults.values())
