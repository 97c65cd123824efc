"""A table from names to numbers that is used where it lies: nothing is built when it is opened.

Open addressing with linear probing: a name's CRC-32 says where to look first in `slots`, which are
at least twice as many as names and hold a name's number, or -1.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32


@dataclass(frozen=True, slots=True)
class Names(Mapping[str, int]):
    """Names to their numbers. `joined` holds them in order, `starts[n]` is where name `n` begins
    (and one more, where the last ends); all may be views of a mapped file.

    >>> names = Names(*table(["a", "b"]))
    >>> names["b"], names.get("c")
    (1, None)
    """

    joined: Sequence[int]
    starts: Sequence[int]
    slots: Sequence[int]

    def __getitem__(self, name: str) -> int:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def get(self, name: str, default: int | None = None) -> int | None:  # type: ignore[override]
        key = name.encode("utf-8", "surrogatepass")
        slots, starts = self.slots, self.starts
        mask = len(slots) - 1
        place = crc32(key) & mask
        for _ in slots:  # once around at most, whatever a file holds
            number = slots[place]
            if number < 0:
                break
            if self.joined[starts[number] : starts[number + 1]] == key:
                return number
            place = (place + 1) & mask
        return default

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __iter__(self) -> Iterator[str]:
        for number in range(len(self)):
            name = self.joined[self.starts[number] : self.starts[number + 1]]
            yield bytes(name).decode("utf-8", "surrogatepass")


def table(names: Sequence[str]) -> tuple[bytes, array[int], array[int]]:
    """The parts of `Names` for distinct names, numbered in their order."""
    keys = [name.encode("utf-8", "surrogatepass") for name in names]
    starts = array("i", [0])
    for key in keys:
        starts.append(starts[-1] + len(key))
    slots = array("i", [-1]) * (1 << (2 * len(keys)).bit_length())
    mask = len(slots) - 1
    for number, key in enumerate(keys):
        place = crc32(key) & mask
        while slots[place] >= 0:
            place = (place + 1) & mask
        slots[place] = number
    return b"".join(keys), starts, slots
