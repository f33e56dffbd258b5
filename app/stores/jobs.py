"""What time does to contracts. Each in its own transaction, so that one that fails holds up no other."""

from app import clock
from app.jobs.registry import Context, every
from app.stores import queries_contracts, workflow_contracts
from app.stores.service import contracting

BATCH = 1_000


@every("20 0 * * *", "store.contracts_ending")
async def contracts_ending(context: Context) -> None:
    """Tells owners and administrators of the contracts that end within a month, in the morning, once each."""
    today = clock.today()
    async with context.database.transaction() as session:
        last = today + workflow_contracts.REMINDED_BEFORE
        ending = await queries_contracts.ending(session, first=today, last=last, limit=BATCH)
    for contract_id in ending:
        async with context.database.transaction() as session:
            await contracting.remind(session, contract_id=contract_id)
