"""The staff and riders of the reports."""

from tests.reports.conftest import scene

__all__ = ["scene"]
