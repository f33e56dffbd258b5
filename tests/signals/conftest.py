"""The people and reports of tests/reports."""

from tests.reports.conftest import scene

__all__ = ["scene"]
