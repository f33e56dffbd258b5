"""Branches, and people who register."""

from tests.registrations.committed import scene
from tests.support.registering import body, branch, command, other_branch, put, registered

__all__ = ["body", "branch", "command", "other_branch", "put", "registered", "scene"]
