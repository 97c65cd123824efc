"""A pytest plugin: `pytest --route-cases tests/tasks.jsonl` makes each case a test.

The file may stand in `addopts` as well. `--route-library` names the library, else it is the nearest
folder upwards from the file with `agents/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from router.evaluation.answers import Router as Asked
    from router.evaluation.cases import Case

NAME_CHARS = 60


class MissError(Exception):
    """A case that was not routed as it should be; the message says what won and why."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("route", "sample tasks of a prompt library")
    group.addoption(
        "--route-cases", action="append", default=[], metavar="FILE",
        help="make each sample task of FILE (.jsonl, .csv, .yaml, .md) a test",
    )  # fmt: skip
    group.addoption("--route-library", metavar="DIR", help="the library that they are routed by")


def pytest_configure(config: pytest.Config) -> None:
    for name in config.getoption("--route-cases"):
        path = str(config.invocation_params.dir / name)
        if not any(str(said).partition("::")[0] in (name, path) for said in config.args):
            config.args.append(path)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    config = parent.config
    here = config.invocation_params.dir
    if any((here / name).resolve() == file_path for name in config.getoption("--route-cases")):
        found: pytest.Collector = CasesFile.from_parent(parent, path=file_path)
        return found
    return None


class CasesFile(pytest.File):
    """A file of cases; its library is compiled when it is collected."""

    def collect(self) -> Iterator[pytest.Item]:
        from router.errors import FilesError, RouterError, printable
        from router.evaluation.cases import read_cases
        from router.evaluation.crossvalidation import asked, leaks
        from router.library.source import find_library, shipped_library
        from router.router import Router

        said = self.config.getoption("--route-library")
        root = said or find_library(self.path.parent) or shipped_library()
        try:
            router = Router.load(root)
            cases = read_cases(self.path, router.routes)
        except FilesError as error:
            raise self.CollectError("\n".join(map(str, error.faults))) from None
        except RouterError as error:
            raise self.CollectError(str(error)) from None
        route = asked(router)
        known = {leak.case for leak in leaks(cases, (), router.model.tasks)}
        for case in cases:
            task = printable(" ".join(case.task.split()))[:NAME_CHARS]
            item = CaseItem.from_parent(self, name=f"{case.line}: {task}", case=case, route=route)
            if case in known:
                reason = "the library has learned this task; `route eval` cross-validates it"
                item.add_marker(pytest.mark.skip(reason=reason))
            yield item


class CaseItem(pytest.Item):
    """One case."""

    def __init__(self, *, case: Case, route: Asked, **options: Any) -> None:
        super().__init__(**options)
        self.case, self.route = case, route
        self.extra_keyword_matches.update(case.tags)  # for `-k`

    def runtest(self) -> None:
        from router.evaluation.measuring import evaluate
        from router.terminal.report import why_line

        (result,) = evaluate(self.route, [self.case]).results
        if not result.right:
            best = "".join(
                f"\n  {ranked.route}  {ranked.confidence or 0.0:.2f}"
                for ranked in result.answer.ranked[:3]
            )
            raise MissError(
                f"task      {self.case.task}\nexpected  {self.case.label}\n"
                f"taken     {' + '.join(result.taken) or 'none'}\n"
                f"why       {why_line(result)}\nbest{best}"
            )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, MissError):
            return f"{self.case.source}\n{excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.case.line - 1, self.name
