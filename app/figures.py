"""What is counted and timed on more than one rung, for Prometheus: named here, counted where it happens, told by app/health.py.

Labels are templates, codes and names of ours: never an id, a path, or a word of anybody's.
"""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import Scope

REGISTRY = CollectorRegistry()
SHORT = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5)
LONG = (0.05, 0.25, 1, 5, 30, 120, 600)



def _gauge(name: str, words: str, mode: Literal["livesum", "livemax"]) -> Gauge:
    """By `process`, which is api or worker: the sum, or the greatest, of those that live and share a folder."""
    return Gauge(name, words, ["process"], registry=REGISTRY, multiprocess_mode=mode)


POOL_MOST = _gauge("xinxin_pool_connections_most", "Connections that may be in use", "livesum")
POOL_USED = _gauge("xinxin_pool_connections_used", "Connections in use", "livesum")
POOL_WAITING = _gauge("xinxin_pool_waiting", "Who waits for a connection", "livesum")
MEMORY = _gauge("xinxin_memory_bytes", "Resident memory of the largest process", "livemax")
DESCRIPTORS = _gauge("xinxin_open_files", "Open files of the process with most", "livemax")

POOL_WAIT = Histogram("xinxin_pool_wait_seconds", "Waiting for a connection, where one had to", registry=REGISTRY, buckets=SHORT)
LOOP_LAG = Histogram(
    "xinxin_loop_lag_seconds", "How late a timer of the event loop was, twice a second", ["process"], registry=REGISTRY, buckets=SHORT
)
REFUSALS = Counter("xinxin_refusals_total", "Refusals by code", ["code"], registry=REGISTRY)
SIGN_IN_FAILURES = Counter("xinxin_sign_in_failures_total", "Wrong passwords, factors, tokens used twice", ["what"], registry=REGISTRY)
STORAGE_ERRORS = Counter("xinxin_storage_errors_total", "What the object store refused", ["operation", "code"], registry=REGISTRY)
SEALS_BROKEN = Counter("xinxin_seals_broken_total", "Findings of the proof of sealed history", registry=REGISTRY)
JOB_SECONDS = Histogram("xinxin_job_seconds", "Runs of jobs by their end", ["job", "outcome"], registry=REGISTRY, buckets=LONG)


def route_of(scope: Scope) -> str:
    """The template of the route that answered."""
    path = getattr(scope.get("route"), "path", None)
    return str(path) if path else "unmatched"
