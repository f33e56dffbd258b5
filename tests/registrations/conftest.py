"""Branches, and people who register."""

from tests.support.registering import body, branch, command, other_branch, registered

__all__ = ["body", "branch", "command", "other_branch", "registered"]
