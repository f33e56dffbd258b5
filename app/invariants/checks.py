"""THE list: the invariants of reliability.md, "Ledger invariants", each as a condition that no row of the database may fulfil.

The second half of I12, the chain of hashes, is checked by `app/seals`; the command runs both.
"""

from app.invariants import answers, awards, books, orders, shops, trail
from app.invariants.scans import Check, Scan


def _in_order(check: Check) -> tuple[int, str]:
    number = check.code.lstrip("I")
    return int(number.rstrip("abcdefgh")), number


CHECKS: tuple[Check, ...] = tuple(
    sorted((*books.CHECKS, *awards.CHECKS, *orders.CHECKS, *shops.CHECKS, *answers.CHECKS, *trail.CHECKS), key=_in_order)
)
BY_CODE = {check.code: check for check in CHECKS}
# Each scan once, the longest first, so that two connections end at about the same time.
SCANS: tuple[Scan, ...] = tuple(
    dict.fromkeys([trail.ACTS, books.TRANSACTIONS, books.LOTS, books.LINES, *(check.scan for check in CHECKS)])
)
