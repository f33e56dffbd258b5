"""The county of the tests of reports."""

from tests.reports.conftest import scene  # noqa: F401
