"""What is read from libraries as people have them: `make bench-wild DATA=DIR`.

DIR is a library, or a folder of libraries: each is read and checked in a process of its own, two
at a time, and `--compile` compiles it as well. Printed are the files that are read, recovered and
refused, the causes, the routes, the time and the most memory that a process took.

    make bench-wild DATA=DIR                            # the same, without DATA as synthetic
    python bench/wild.py DIR [--compile] [--json]
    python bench/wild.py --synthetic 15000

`--synthetic` makes a library of so many files, each odd file of `tests/wild/` several times among
well-formed ones, and exits 1 unless all is read as it should be.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from router import Router
from router.checking.catalogue import BY_CODE
from router.checking.checking import read_only
from router.checking.settings import Settings
from router.library.discovery import snapshot
from router.library.folder import read_library
from router.library.formats import OWN, format_of
from router.library.source import MARKS, Folder

ROOT = Path(__file__).parent.parent
WILD = ROOT / "tests/wild"
MATTER = frozenset("R003 R004 R005 R006 R007 R008 R010".split())
"""What is wrong with front matter; such a file is recovered where it becomes a route."""

CORES = 2
DEADLINE_SECONDS = 600
ODD_SHARE = 0.15
MAX_SECONDS, MAX_BYTES = 60.0, 1.5e9
"""What 15,000 files may take."""

Figures = dict[str, Any]


def measure(root: Path, *, compiled: bool) -> Figures:
    """Read and check one library in this process."""
    started = time.perf_counter()
    folder = Folder(root)
    files = snapshot(folder)
    library = read_library(folder, files)
    read_seconds = time.perf_counter() - started
    faults = read_only(library, files, Settings())
    check_seconds = time.perf_counter() - started - read_seconds
    if compiled and library.routes and not library.errors:
        Router.load(root)
    compile_seconds = time.perf_counter() - started - read_seconds - check_seconds

    codes: dict[str, set[str]] = {}
    for fault in library.faults:
        codes.setdefault(fault.path, set()).add(fault.code)
    read = {agent.path: agent.description for agent in library.agents}
    known = {*read, *(prompt.path for prompt in library.prompts)}
    paths = [file.path for file in files.files] + [path for path, _ in files.unreadable]
    refused = {path: codes[path] for path in paths if path not in known and path in codes}
    recovered = [path for path in read if codes.get(path, set()) & MATTER]
    return {
        "files": len(paths),
        "read": len(known),
        "recovered": len(recovered),
        "without description": [path for path in recovered if not read[path]],
        "refused": Counter(code for path in refused for code in sorted(refused[path])[:1]),
        "pages": len(paths) - len(known) - len(refused),
        "lost": [path for path in paths if path not in known | codes.keys() and _is_route(path)],
        "routes": len(library.routes),
        "findings": Counter(fault.code for fault in faults),
        "seconds": {
            "read": read_seconds,
            "check": check_seconds,
            **({"compile": compile_seconds} if compiled else {}),
        },
        "bytes": _peak(),
        "descriptions": read,
    }


def _is_route(path: str) -> bool:
    """Whether the place alone makes the file a route."""
    kind = format_of(path)
    return kind is not None and kind.name not in ("markdown", OWN.name)


def _peak() -> int:
    most = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return most if sys.platform == "darwin" else most * 1024


def measured(root: Path, *, compiled: bool) -> Figures:
    """What `measure` says of a library in a process of its own, or how that process ended."""
    command = [sys.executable, __file__, "--one", str(root), *(["--compile"] * compiled)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=DEADLINE_SECONDS,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"failed": f"took over {DEADLINE_SECONDS} s"}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]}
    figures: Figures = json.loads(done.stdout)
    return figures


def libraries(root: Path) -> list[Path]:
    """The folder itself where it is a library, else its folders."""
    below = [path for path in sorted(root.iterdir()) if path.is_dir() and path.name[0] != "."]
    itself = (
        any(True for mark in MARKS for _ in root.glob(mark)) or (root / "project.yaml").exists()
    )
    return [root] if itself or not below else below


WORDS = (
    "audits builds compares deploys drafts explains formats greets hunts imports joins keeps lints"
    " maps negotiates orders plans queries reviews sorts tests unifies validates weighs yields"
    " accounts bridges charts deliveries engines forms gardens harbours invoices journeys kitchens"
    " ledgers meetings networks orchards pipelines quarries reports schemas tickets users vessels"
).split()
PLACES = (
    ("skills/{n}/SKILL.md", "name: {n}\n"),
    (".claude/skills/{n}/SKILL.md", "name: {n}\nallowed-tools: Read Bash(git:*)\n"),
    (".claude/agents/{n}.md", "name: {n}\ntools: Read, Grep\nmodel: sonnet\n"),
    ("plugins/{n}/agents/{n}.md", "name: {n}\ntools: [Read, Grep]\n"),
    (".claude/commands/{n}.md", "argument-hint: number\n"),
    (".github/agents/{n}.agent.md", "tools: ['search', 'edit']\n"),
    (".github/instructions/{n}.instructions.md", "applyTo: '**/*.py,**/*.pyi'\n"),
    (".cursor/rules/{n}.mdc", "globs: '*.ts'\nalwaysApply: false\n"),
    (".gemini/agents/{n}.md", "name: {n}\ntools:\n  - read_file\n"),
    (".opencode/agent/{n}.md", "tools:\n  write: false\n"),
)


def synthetic(root: Path, count: int) -> Iterator[tuple[str, str]]:
    """Write a library of `count` files; the path of each that is a route, how its description
    begins."""
    chance = random.Random(0)
    rows = [json.loads(line) for line in WILD.with_suffix(".jsonl").read_text("utf-8").splitlines()]
    rounds = max(1, round(count * ODD_SHARE / len(rows)))
    for number in range(rounds):
        # Not the pages of tests/wild itself: its ignore file and vendored copies are no oddities.
        shutil.copytree(WILD, root / f"odd-{number:03}")
        for row in rows:
            # In a folder below, `agents/` is no place of ours.
            if row["format"] and row["format"] != OWN.name:
                yield f"odd-{number:03}/{row['path']}", row["description"]
    for number in range(max(0, count - rounds * len(rows))):
        name = f"{chance.choice(WORDS)}-{number}"
        said = f"{' '.join(chance.choices(WORDS, k=12)).capitalize()} {number}"
        place, keys = PLACES[number % len(PLACES)]
        path = root / place.format(n=name)
        path.parent.mkdir(parents=True, exist_ok=True)
        body = "\n\n".join(
            f"## {chance.choice(WORDS).title()}\n\n- {' '.join(chance.choices(WORDS, k=60))}."
            for _ in range(10)
        )
        path.write_text(f"---\n{keys.format(n=name)}description: {said}\n---\n# {name}\n\n{body}\n")
        yield path.relative_to(root).as_posix(), said


def show(name: str, figures: Figures) -> None:
    if "failed" in figures:
        print(f"{name:<28} FAILED: {figures['failed']}")
        return
    seconds = sum(figures["seconds"].values())
    print(
        f"{name[:28]:<28} {figures['files']:>7} {figures['read']:>7} {figures['recovered']:>9}"
        f" {sum(figures['refused'].values()):>7} {figures['pages']:>6} {figures['routes']:>7}"
        f" {seconds:>8.1f} {figures['bytes'] / 1e6:>7.0f}"
    )


def report(found: dict[str, Figures]) -> None:
    print(f"{'library':<28}    files    read recovered refused  pages  routes  seconds      MB")
    for name, figures in found.items():
        show(name, figures)
    whole = [figures for figures in found.values() if "failed" not in figures]
    if len(found) > 1 and whole:
        sums = ("files", "read", "recovered", "pages", "routes")
        total: Figures = {key: sum(figures[key] for figures in whole) for key in sums}
        total["refused"] = {"": sum(sum(figures["refused"].values()) for figures in whole)}
        total["seconds"] = {"": sum(sum(figures["seconds"].values()) for figures in whole)}
        total["bytes"] = max(figures["bytes"] for figures in whole)
        show("all", total)
    for key in ("refused", "findings"):
        counts: Counter[str] = Counter()
        for figures in whole:
            counts.update(figures[key])
        for code, count in counts.most_common():
            title = BY_CODE[code].title if code in BY_CODE else "not said"
            print(f"{key}: {count:>6}  {code} {title}")
    for figures in whole:
        for path in figures["lost"]:
            print(f"LOST without a word: {path}")
        for path in figures["without description"]:
            print(f"recovered WITHOUT A DESCRIPTION: {path}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--synthetic", type=int, metavar="COUNT")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        json.dump(measure(options.one, compiled=options.compile), sys.stdout)
        return 0
    if options.synthetic is None and options.folder is None:
        parser.error("name a folder, or --synthetic COUNT")
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["ROUTE_CACHE"] = f"{scratch}/cache"
        expected: dict[str, str] = {}
        if options.synthetic is not None:
            root = Path(scratch) / "synthetic"
            expected = dict(synthetic(root, options.synthetic))
            roots = [root]
        else:
            roots = libraries(options.folder)
        started = time.perf_counter()
        with ThreadPoolExecutor(CORES) as pool:
            answers = pool.map(lambda path: measured(path, compiled=options.compile), roots)
            found = {path.name: figures for path, figures in zip(roots, answers, strict=True)}
        seconds = time.perf_counter() - started
    descriptions = [figures.pop("descriptions", {}) for figures in found.values()]
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        report(found)
        parts: Counter[str] = Counter()
        for figures in found.values():
            parts.update(figures.get("seconds", {}))
        shares = ", ".join(f"{what} {part:.1f} s" for what, part in parts.items())
        print(f"{seconds:.1f} s in all, {CORES} libraries at a time ({shares})")
    failed = [figures for figures in found.values() if "failed" in figures or figures["lost"]]
    if expected:
        wrong = [
            path
            for path, said in expected.items()
            if not descriptions[0].get(path, "\0").startswith(said)
        ]
        for path in wrong[:20]:
            print(f"NOT READ as it should be: {path}")
        print(f"read as they should be: {len(expected) - len(wrong)} of {len(expected)} routes")
        most = max((figures.get("bytes", 0) for figures in found.values()), default=0)
        print(f"within {MAX_SECONDS:.0f} s and {MAX_BYTES / 1e9} GB: "
              f"{'yes' if seconds < MAX_SECONDS and most < MAX_BYTES else 'NO'}")  # fmt: skip
        return 1 if wrong or failed else 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
