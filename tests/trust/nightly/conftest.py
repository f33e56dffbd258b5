"""Fixtures of the faults' tests that nights use too."""

from tests.faults.queue_rig import queue, queue_database, queue_settings, workers

__all__ = ["queue", "queue_database", "queue_settings", "workers"]
