"""A model file is read whole and unharmed, or refused with what to do."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from router import ArtifactError, Router
from router.compiler.cache import cache_folder
from router.model import artifact
from router.model.calibration import Routing, Slopes


@pytest.fixture
def file(router: Router, tmp_path: Path) -> Path:
    """A copy of the shipped library's model."""
    newest = max(cache_folder().glob("*.model"), key=lambda path: path.stat().st_size)
    copy = tmp_path / "copy.model"
    copy.write_bytes(newest.read_bytes())
    return copy


def test_round_trip(file: Path, router: Router) -> None:
    model = artifact.read(file)
    assert model.agents == router.model.agents
    assert model.prompts == router.model.prompts
    assert artifact.metadata(model) == artifact.metadata(router.model)


def test_numpy_opens_what_follows_the_first_line(file: Path) -> None:
    data = file.read_bytes()
    header, _, payload = data.partition(b"\n")
    assert header.startswith(b"whenuse-model 1 ")
    arrays = np.load(io.BytesIO(payload), allow_pickle=False)
    assert {"meta", "term_weights", "gram_weights", "sense_rows"} <= set(arrays)


def test_every_flipped_bit_is_noticed(file: Path) -> None:
    data = bytearray(file.read_bytes())
    places = np.random.default_rng(0).integers(0, len(data), 150).tolist()
    for place in [*range(0, 90, 3), *places]:
        data[place] ^= 1 << (place % 8)
        file.write_bytes(data)
        with pytest.raises(ArtifactError, match=r"delete it, and it is compiled anew"):
            artifact.read(file)
        data[place] ^= 1 << (place % 8)
    file.write_bytes(data)
    artifact.read(file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-1], "damaged"),
        (lambda data: data[: len(data) // 2], "damaged"),
        (lambda data: data + b"x", "damaged"),
        (lambda data: b"", "too short to be a model"),
        (lambda data: b"PK" + data, "not a compiled model"),
        (
            lambda data: data.replace(b"whenuse-model 1", b"whenuse-model 9"),
            "format 9, this version",
        ),
    ],
)
def test_other_files_are_refused(file: Path, change: object, message: str) -> None:
    assert callable(change)
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(ArtifactError, match=message):
        artifact.read(file)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="No such file"):
        artifact.read(tmp_path / "none.model")


def test_a_failed_write_leaves_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = file.read_bytes()

    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        artifact.write(file, b"new")
    assert file.read_bytes() == old
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize(
    "routing", [None, Routing(0.31), Routing(0.31, Slopes(bias=-1.5, score=1.8, lead=9.4))]
)
def test_routing_comes_back(router: Router, routing: Routing | None) -> None:
    arrays = arrays_of()
    arrays["meta"] = memoryview(artifact.metadata(replace(router.model, routing=routing)))
    assert artifact.unpack(arrays).routing == routing


@pytest.mark.parametrize(
    "routing",
    [
        7,
        [],
        {},
        {"threshold": 0.5},
        {"threshold": "0.5", "calibration": None},
        {"threshold": 1.5, "calibration": None},
        {"threshold": 0.5, "calibration": None, "margin": 1},
        {"threshold": 0.5, "calibration": {"bias": 0, "score": 1}},
        {"threshold": 0.5, "calibration": {"bias": 0, "score": -1, "lead": 1}},
    ],
)
def test_routing_that_is_none(router: Router, routing: object) -> None:
    arrays = arrays_of()
    meta = json.loads(artifact.metadata(router.model)) | {"routing": routing}
    arrays["meta"] = memoryview(json.dumps(meta).encode())
    with pytest.raises((LookupError, ValueError, TypeError)):
        artifact.unpack(arrays)


def arrays_of() -> dict[str, memoryview]:
    """The least that `unpack` needs."""
    empty = memoryview(b"")
    names = ("names", "name_starts", "slots", "starts", "routes", "weights", "idf")
    return {"bias": empty, "tasks": empty, "pages": empty} | {
        f"{kind}_{name}": empty for kind in ("term", "gram", "taught") for name in names
    }
