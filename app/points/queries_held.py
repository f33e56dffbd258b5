"""What the hold of an order took, and from which lots: written once with the order, so whoever reads the order reads it along."""

from collections.abc import Sequence
from uuid import UUID

from app.points.models import Kind, LedgerAccount
from app.points.workflow import Part


def of_order(redemption_id: str) -> str:
    """The lots of a hold, soonest to expire first, as part of a statement that is written as text: JSON for `read`, null without a hold."""
    return f"""(select jsonb_agg(jsonb_build_array(l.id, e.amount) order by l.expires_on, l.id)
                  from points_transaction t join points_entry e on e.transaction_id = t.id join points_lot l on l.id = e.lot_id
                 where t.reference_type = 'redemption' and t.reference_id = {redemption_id} and t.kind = '{Kind.HOLD}'
                   and e.account = '{LedgerAccount.HELD}')"""


def read(told: Sequence[Sequence[str | int]] | None) -> list[Part]:
    return [Part(UUID(str(lot_id)), int(points)) for lot_id, points in told or ()]
