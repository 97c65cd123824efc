"""Where compiled models are kept, and when one is compiled anew."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from router.errors import ArtifactError, Fault, LibraryError, UsageError
from router.library.discovery import snapshot
from router.library.source import Folder, UnreadableError
from router.model import artifact
from router.model.scores import Model

if TYPE_CHECKING:
    from router.library.folder import Library
    from router.model.sentences import Encoder

KEPT = 64
"""Compiled models that stay in the cache, newest first."""

_MODEL_NAME = re.compile(r"[0-9a-f]{40}\.model")

Notify = Callable[[str], None]


def cache_folder() -> Path:
    """`ROUTE_CACHE`, else the platform's cache folder."""
    if chosen := os.environ.get("ROUTE_CACHE"):
        return Path(chosen)
    import platformdirs  # late: only needed where the variable is not set

    return Path(platformdirs.user_cache_dir("whenuse", appauthor=False))


def model_path(folder: Path, digest: str, encoder: Encoder | None = None) -> Path:
    """Where the model of the files with this digest is kept, for this version and these vectors.

    One with an encoder of sentences is kept beside the one without.
    """
    made_from = [artifact.FORMAT, _code_stamp(), _vectors_stamp(), digest]
    if encoder is not None:
        made_from.append(encoder.name)
    key = hashlib.sha256(repr(made_from).encode()).hexdigest()
    return folder / f"{key[:40]}.model"


def load_current(
    root: str | os.PathLike[str], notify: Notify, encoder: Encoder | None = None
) -> Model:
    """The model of the library at `root` as it is now, compiled first if it has to be.

    With an `encoder` of sentences it is compiled from the model without one, which a process of
    its own has made: that has read and rendered the files, so that this process only fits.

    `notify` is given one line for each thing that the user should know: a slow compile, a
    damaged model, a cache that cannot be written.

    Raises `UsageError` when there is no such folder, `LibraryError` with all its faults when the
    library cannot be compiled, and `CompileError` when compiling hits its limits.
    """
    try:
        folder = Folder(root)
        path = model_path(cache_folder(), snapshot(folder).digest, encoder)
    except UnreadableError as error:
        raise UsageError(f"library: {error}") from None
    except OSError as error:
        raise UsageError(f"library: {error.filename}: {error.strerror}") from None
    if os.path.exists(path):  # unlike `Path.exists`, False for a path that cannot be looked at
        try:
            model = artifact.read(path)
        except ArtifactError as error:
            notify(f"{error}; compiling anew")
            with contextlib.suppress(OSError):
                path.unlink()
        else:
            if _outside_unchanged(model, folder):
                return model
    if encoder is not None:
        return _with_sentences(load_current(root, notify), encoder, path.parent, notify)
    return _compile(folder, path.parent, notify)


def load_joined(
    roots: Mapping[str, str | os.PathLike[str]], notify: Notify, encoder: Encoder | None = None
) -> Model:
    """The model of several libraries as one (see `joining`), by their names; raises as
    `load_current` does. Each is compiled alone first, which reads and renders its files."""
    models = {name: load_current(root, _named(name, notify)) for name, root in roots.items()}
    parts = [(name, model.made_from, model.outside) for name, model in models.items()]
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()
    cache = cache_folder()
    path = model_path(cache, digest, encoder)
    if os.path.exists(path):
        try:
            return artifact.read(path)
        except ArtifactError as error:
            notify(f"{error}; compiling anew")
    from router.compiler.compiling import library_of
    from router.library.joining import joined

    library = joined({name: library_of(model) for name, model in models.items()})
    notify(f"compiling {' + '.join(roots)} (first use, or one has changed) …")
    for fault in library.faults:
        notify(str(fault))
    return _fitted(library, digest, encoder, cache, notify)


def _named(name: str, notify: Notify) -> Notify:
    return lambda text: notify(f"{name}: {text}")


def _with_sentences(plain: Model, encoder: Encoder, cache: Path, notify: Notify) -> Model:
    """The model compiled anew with an encoder of sentences, here: it may be any object."""
    from router.compiler.compiling import library_of

    notify(f"compiling with the encoder {encoder.name} (first use, or it has changed) …")
    return _fitted(library_of(plain), plain.made_from, encoder, cache, notify)


def _fitted(
    library: Library, made_from: str, encoder: Encoder | None, cache: Path, notify: Notify
) -> Model:
    """The model of a library that is read already, compiled in this process and kept.

    One thread, as where a process of its own compiles.
    """
    from threadpoolctl import threadpool_limits  # late, as scikit-learn below, which brings it

    from router.compiler.compiling import compile_library
    from router.compiler.encoder import load_encoder

    with threadpool_limits(1):
        payload = compile_library(library, made_from, load_encoder(), encoder)
    try:
        artifact.write(model_path(cache, made_from, encoder), payload)
    except OSError as error:
        _unwritable(f"{error.filename or cache}: {error.strerror}", notify)
    _prune(cache)
    return artifact.loads(payload)


def _unwritable(why: str, notify: Notify) -> None:
    notify(f"cache: {why}; compiled for this run only (set ROUTE_CACHE)")


def _outside_unchanged(model: Model, folder: Folder) -> bool:
    for path, sha256 in model.outside:
        try:
            found: str | None = folder.read(path).sha256
        except UnreadableError:
            found = None
        if found != sha256:
            return False
    return True


def _compile(folder: Folder, cache: Path, notify: Notify) -> Model:
    """Compile in a process of its own, which renders a stranger's templates within limits."""
    import shutil  # late, as below: not needed to route

    from router.compiler.process import limited

    request = {"root": folder.root, "cache": os.fspath(cache)}
    doing = f"compiling {folder.root}"
    why = "(first use, or it has changed)"
    answer = limited("router.compiler.build", request, doing, lambda _: notify(f"{doing} {why} …"))
    faults = tuple(Fault(**fault) for fault in answer["faults"])
    if not answer["model"]:
        raise LibraryError(faults)
    path = Path(answer["model"])
    if answer["unwritable"]:
        _unwritable(answer["unwritable"], notify)
        try:
            return artifact.read(path)
        finally:
            shutil.rmtree(path.parent, ignore_errors=True)
    for fault in faults:
        notify(str(fault))
    _prune(cache)
    return artifact.read(path)


def _prune(cache: Path) -> None:
    with contextlib.suppress(OSError):
        own = [path for path in cache.glob("*.model") if _MODEL_NAME.fullmatch(path.name)]
        models = sorted(own, key=lambda path: path.stat().st_mtime, reverse=True)
        for path in models[KEPT:]:
            path.unlink(missing_ok=True)


def _code_stamp() -> str:
    """Changes when a file of the stages up to the model does: no model outlives its compiler."""
    stamps = []
    for stage in ("library", "compiler", "model"):
        with os.scandir(Path(__file__).parents[1] / stage) as entries:
            for entry in entries:
                if entry.is_file():
                    status = entry.stat()
                    stamps.append((stage, entry.name, status.st_size, status.st_mtime_ns))
    return repr(sorted(stamps))


def _vectors_stamp() -> str:
    """Changes when the vectors' package comes, goes or changes; without importing it."""
    spec = importlib.util.find_spec("wordllama")
    if spec is None or spec.origin is None:
        return ""
    status = os.stat(os.path.dirname(spec.origin))
    return f"{spec.origin} {status.st_mtime_ns}"
