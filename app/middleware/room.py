"""How many connections a process holds at once, and who gives way when it is full: an attack must not become an outage."""

import resource
from collections.abc import MutableSet
from typing import Any

CONNECTIONS = 1_000
OTHER_FILES = 256  # of a process: the database's connections, files, the store's
SHARE_TO_CUT = 20  # one in so many gives way at once: looking for the oldest costs a walk through all


def most() -> int:
    """The cap, or less where the system allows fewer open files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return CONNECTIONS if files == resource.RLIM_INFINITY else max(OTHER_FILES, min(CONNECTIONS, files - OTHER_FILES))


def make(connections: MutableSet[Any], cap: int) -> bool:
    """Is there room for the newest of these? Those that have waited longest for their client (idle, or still sending) are cut for it;
    never one whose request is being worked on."""
    if len(connections) <= cap:
        return True
    waiting = sorted((one for one in connections if one.waiting_since is not None), key=lambda one: one.waiting_since)
    leaving = waiting[:-1][: max(1, cap // SHARE_TO_CUT)]  # the last is the newest itself
    for one in leaving:
        one.give_way()
    return bool(leaving)
