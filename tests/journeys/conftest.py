"""The running service and its county."""

from tests.support.newcomer import world
from tests.support.service import service

__all__ = ["service", "world"]
