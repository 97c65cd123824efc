"""A provider that promptfoo can load: see docs/continuous-integration.md."""

from router.evaluation.promptfoo import call_api

__all__ = ["call_api"]
