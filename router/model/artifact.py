"""A model as one file, and back: no pickle, nothing parsed that was not checked first.

    whenuse-model 1 <SHA-256 of all that follows>\n
    an uncompressed .npz: `meta` (UTF-8 JSON) and plain arrays

`numpy.load` opens the part after the first line. Reading needs the standard library alone: the
arrays are used in place, from the mapped file.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import re
import struct
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from router.errors import ArtifactError, Fault
from router.library.records import Agent, LabelledTask, Link, Page, Prompt, Rule
from router.model.calibration import Calibration, Routing, Scale, Slopes
from router.model.names import Names
from router.model.pages import Pages
from router.model.scores import Lexicon, Model, Senses, Taught

FORMAT = 1
MAX_BYTES = 1 << 31

_MAGIC = b"whenuse-model "
_HEADER = re.compile(rb"whenuse-model (\d+) ([0-9a-f]{64})\n")
_HEADER_BYTES = 128
HEADER_SIZE = len(_MAGIC) + len(f"{FORMAT} {64 * '0'}\n")
ALIGNMENT = 64
"""Arrays start at multiples of it in the file, in bytes."""
_LOCAL_FILE = struct.Struct("<4s5H3I2H")
_KINDS = {"|u1": "B", "<i4": "i", "<f4": "f"}
_ADVICE = "delete it, and it is compiled anew"


def write(path: Path, payload: bytes) -> None:
    """Put a model file in place, whole or not at all.

    Raises `OSError` when the folder cannot be written.
    """
    import tempfile  # late: not needed to route

    header = _MAGIC + f"{FORMAT} {hashlib.sha256(payload).hexdigest()}\n".encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(header)
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    _sync_folder(path.parent)


def read(path: Path) -> Model:
    """The model in the file at `path`.

    Raises `ArtifactError` when it is missing, damaged, foreign or of another format version.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_BYTES:
                raise ArtifactError(f"{path}: {size} bytes, more than any model has; {_ADVICE}")
            if size < _HEADER_BYTES:
                raise ArtifactError(f"{path}: too short to be a model; {_ADVICE}")
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise ArtifactError(f"{path}: {error.strerror}") from None
    header = _HEADER.match(mapped[:_HEADER_BYTES])
    if header is None:
        raise ArtifactError(f"{path}: not a compiled model; {_ADVICE}")
    if int(header[1]) != FORMAT:
        raise ArtifactError(
            f"{path}: format {header[1].decode()}, this version reads {FORMAT}; {_ADVICE}"
        )
    payload = memoryview(mapped)[header.end() :]
    if hashlib.sha256(payload).hexdigest().encode() != header[2]:
        raise ArtifactError(f"{path}: damaged (its SHA-256 does not match); {_ADVICE}")
    if sys.byteorder != "little":
        raise ArtifactError(f"{path}: compiled models need a little-endian machine")
    try:
        return unpack(_arrays(payload))
    except (LookupError, ValueError, TypeError, RecursionError, struct.error) as error:
        raise ArtifactError(f"{path}: not laid out as a model ({error}); {_ADVICE}") from None


def metadata(model: Model) -> bytes:
    """All of a model but its arrays, as JSON; `read` turns it back."""
    content = {
        "made_from": model.made_from,
        "project": model.project,
        "encoder": model.encoder,
        "agents": [asdict(agent) for agent in model.agents],
        "prompts": [asdict(prompt) for prompt in model.prompts],
        "warnings": [asdict(fault) for fault in model.warnings],
        "outside": model.outside,
        "scale": asdict(model.scale),
        "calibration": asdict(model.calibration),
        "routing": model.routing and asdict(model.routing),
        "unseen": [model.terms.unseen, model.grams.unseen],
    }
    if model.sentences:
        content["sentences"] = model.sentences.name
    # Lone surrogates (escapes in YAML can make them) survive the way to `json.loads` and back.
    return json.dumps(content, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass")


def labelled(tasks: Iterable[LabelledTask]) -> bytes:
    """Labelled tasks as JSON; `Model.tasks` turns it back."""
    rows = [(task.task, task.expect, task.path, task.line) for task in tasks]
    return json.dumps(rows, ensure_ascii=False).encode("utf-8", "surrogatepass")


def paged(pages: Mapping[str, Page]) -> bytes:
    """Pages as JSON, each a text of its own, so that `Pages` need not read them all."""
    rows = {path: json.dumps(page, ensure_ascii=False) for path, page in sorted(pages.items())}
    return json.dumps(rows, ensure_ascii=False).encode("utf-8", "surrogatepass")


def loads(payload: bytes) -> Model:
    """The model of a payload that was just made, without a file."""
    return unpack(_arrays(memoryview(payload)))


def unpack(arrays: Mapping[str, memoryview]) -> Model:
    """The model whose members `arrays` are, each a flat view of its numbers.

    Raises `KeyError`, `ValueError` or `TypeError` for what is no model.
    """
    meta = json.loads(bytes(arrays["meta"]))
    senses = None
    if "sense_rows" in arrays:
        senses = Senses(
            _names(arrays, "sense"),
            arrays["sense_rows"],
            arrays["sense_squares"],
            arrays.get("sense_routes", ()),
        )
    sentences = None
    if "sentences" in meta:
        from router.model.sentences import Sentences  # late: numpy

        sentences = Sentences(meta["sentences"], arrays["sentences"])
    return Model(
        made_from=meta["made_from"],
        project=meta["project"],
        encoder=meta["encoder"],
        agents=tuple(map(_agent, meta["agents"])),
        prompts=tuple(Prompt(**prompt) for prompt in meta["prompts"]),
        warnings=tuple(Fault(**fault) for fault in meta["warnings"]),
        outside=tuple((path, sha256) for path, sha256 in meta["outside"]),
        scale=Scale(**meta["scale"]),
        terms=_lexicon(arrays, "term", meta["unseen"][0]),
        grams=_lexicon(arrays, "gram", meta["unseen"][1]),
        senses=senses,
        bias=arrays["bias"],
        calibration=Calibration(**meta["calibration"]),
        routing=_routing(meta["routing"]),
        labelled=arrays["tasks"],
        sentences=sentences,
        pages=Pages(arrays["pages"]),
        taught=Taught(_names(arrays, "taught"), arrays["taught_starts"], arrays["taught_routes"]),
    )


def _arrays(payload: memoryview) -> dict[str, memoryview]:
    """The members of an uncompressed .npz, each as a flat view of its numbers."""
    arrays: dict[str, memoryview] = {}
    place = 0
    while bytes(payload[place : place + 4]) == b"PK\x03\x04":
        fields = _LOCAL_FILE.unpack_from(payload, place)
        flags, method, stored, name_size, extra_size = (
            fields[2], fields[3], fields[7], fields[9], fields[10],
        )  # fmt: skip
        if flags & 8 or method:
            raise ValueError("compressed or streamed member")
        start = place + _LOCAL_FILE.size
        name = bytes(payload[start : start + name_size]).decode()
        start += name_size + extra_size
        arrays[name.removesuffix(".npy")] = _array(payload[start : start + stored])
        place = start + stored
    return arrays


def _array(member: memoryview) -> memoryview:
    if bytes(member[:6]) != b"\x93NUMPY":
        raise ValueError("member is no array")
    (size,) = struct.unpack_from("<H", member, 8)
    kind = re.search(rb"'descr': '([^']+)'", member[10 : 10 + size])
    if kind is None or kind[1].decode() not in _KINDS:
        raise ValueError("array of an unknown kind")
    return member[10 + size :].cast(_KINDS[kind[1].decode()])  # type: ignore[call-overload, no-any-return]


def _lexicon(arrays: Mapping[str, memoryview], kind: str, unseen: float) -> Lexicon:
    return Lexicon(
        index=_names(arrays, kind),
        starts=arrays[f"{kind}_starts"],
        routes=arrays[f"{kind}_routes"],
        weights=arrays[f"{kind}_weights"],
        idf=arrays[f"{kind}_idf"],
        unseen=unseen,
    )


def _names(arrays: Mapping[str, memoryview], kind: str) -> Names:
    return Names(arrays[f"{kind}_names"], arrays[f"{kind}_name_starts"], arrays[f"{kind}_slots"])


def _routing(values: dict[str, Any] | None) -> Routing | None:
    if values is None:
        return None
    slopes = values["calibration"]
    return Routing(**values | {"calibration": None if slopes is None else Slopes(**slopes)})


def _agent(values: dict[str, Any]) -> Agent:
    return Agent(
        **values
        | {
            "tools": tuple(values["tools"]),
            "lines": tuple(values["lines"]),
            "rules": tuple(map(_rule, values["rules"])),
        }
    )


def _rule(values: dict[str, Any]) -> Rule:
    links: dict[str, Any] = {
        name: tuple(Link(**link) for link in values[name]) for name in ("use", "included")
    }
    return Rule(**values | links | {"examples": tuple(values["examples"])})


def _sync_folder(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
