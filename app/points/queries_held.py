"""What the hold of an order took, and from which lots: written once with the order, so whoever reads the order reads it along."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.points.models import Kind, LedgerAccount
from app.points.workflow import Part

# Soonest to expire first.
ORDER = "h.expires_on, h.lot_id"
COLUMNS = "h.lot_id, h.amount"


def of_order(redemption_id: str) -> str:
    """A row for each lot of a hold, as the lateral `h` of a statement that is written as text, and that takes `COLUMNS` in this `ORDER`."""
    return f"""lateral (select l.id as lot_id, e.amount, l.expires_on
       from points_transaction t join points_entry e on e.transaction_id = t.id join points_lot l on l.id = e.lot_id
      where t.reference_type = 'redemption' and t.reference_id = {redemption_id} and t.kind = '{Kind.HOLD}'
        and e.account = '{LedgerAccount.HELD}') h"""


def read(rows: Sequence[Mapping[str, Any]]) -> list[Part]:
    return [Part(row["lot_id"], row["amount"]) for row in rows if row["lot_id"] is not None]
