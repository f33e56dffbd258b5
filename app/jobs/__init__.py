"""Work that may be late: rows in the queue, written in the transaction of their cause, done by a worker process, retried, never lost."""
