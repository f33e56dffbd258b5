"""Which files run on one of the suite's processes: those that work with one service, which takes ten seconds of both cores to start."""

from xdist.scheduler import LoadFileScheduling

SERVICES = {
    "shared": ("tests/races/", "tests/journeys/test_main_loop.py", "tests/journeys/test_sessions.py", "tests/seals/test_seals_live.py",
               "tests/faults/test_sizes.py"),
    "doomed": ("tests/faults/test_kills.py", "tests/faults/test_outage_business.py"),
}


def service_of(nodeid: str) -> str | None:
    """The name of the service that the test works with, if that is a shared one."""
    return next((name for name, files in SERVICES.items() if nodeid.startswith(files)), None)


class Sharing(LoadFileScheduling):
    """By file, but what shares a service stays together, one test after the other."""

    def _split_scope(self, nodeid: str) -> str:
        return service_of(nodeid) or super()._split_scope(nodeid)
