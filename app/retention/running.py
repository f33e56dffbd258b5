"""All rules one after the other, a transaction a batch: a run can be stopped anywhere and begun again."""

from app.db.session import Database
from app.retention import queries, service
from app.retention.queries import Found
from app.retention.rules import KEEPERS


async def follow_all(database: Database) -> dict[str, int]:
    """Rule → to how many rows it was done."""
    done = dict.fromkeys(KEEPERS, 0)
    for code in KEEPERS:
        while batch := await _batch(database, code):
            done[code] += batch
    return done


async def _batch(database: Database, code: str) -> int:
    async with database.transaction() as session:
        return await service.follow(session, code=code)


async def rehearse(database: Database) -> dict[str, Found]:
    """Rule → what a run would touch now; of the rules that are followed."""
    async with database.session() as session:
        return {
            rule.code: await queries.found(session, KEEPERS[rule.code], days=rule.days)
            for rule in await queries.rules(session) if rule.active
        }
