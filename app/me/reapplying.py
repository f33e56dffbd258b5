"""The journal of erasures across a restore: written beside each backup, taken in and followed again in what came back."""

from app.db.session import AsyncSession, Database
from app.me import journal, queries_erasures
from app.me import service as me_service


async def written(session: AsyncSession) -> str:
    return "".join([journal.written(line) async for line in queries_erasures.journal(session)])


async def take_in(database: Database, text: str) -> int:
    """How many lines were new. Raises BadJournal."""
    lines = list(journal.read(text))
    async with database.transaction() as session:
        return await me_service.enter(session, lines)


async def everyone(database: Database) -> int:
    """Erases again whom a restored backup brought back; how many. One transaction a person: it can be stopped and begun again."""
    async with database.session() as session:
        subjects = await queries_erasures.undone(session)
    for subject_id in subjects:
        async with database.transaction() as session:
            await me_service.repeat(session, subject_id=subject_id)
    return len(subjects)
