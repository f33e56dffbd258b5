"""PgQueuer's tables, in a schema of their own. Who only puts jobs in, or looks at them, loads no library for it (`queue`): 3 MB."""

SCHEMA = "jobs"
QUEUE, LOG, STATUS = f"{SCHEMA}.pgqueuer", f"{SCHEMA}.pgqueuer_log", f"{SCHEMA}.pgqueuer_status"
