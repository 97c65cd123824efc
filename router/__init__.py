"""Compile the selection rules of agent files into a classifier, route tasks, assemble contexts."""

from router.context.parts import Context, Part
from router.decision.deciding import Candidate, Decision, Evidence
from router.errors import (
    ArtifactError,
    BudgetError,
    CasesError,
    CompileError,
    Fault,
    LibraryError,
    RouterError,
    TaskError,
    UsageError,
)
from router.router import Router

__version__ = "0.1.0"

__all__ = [
    "ArtifactError",
    "BudgetError",
    "Candidate",
    "CasesError",
    "CompileError",
    "Context",
    "Decision",
    "Evidence",
    "Fault",
    "LibraryError",
    "Part",
    "Router",
    "RouterError",
    "TaskError",
    "UsageError",
]
