"""What an operator does with dead letters, the jobs that failed for good: each act stands in the trail."""

from app.audit import service as audit_service
from app.db.session import AsyncSession
from app.jobs import service as jobs_service

TOLD = 100  # ids in one event; the number of all stands beside them


class NothingChosen(Exception):
    """Neither an id nor a name was given, nor the word for all."""


async def retry(session: AsyncSession, *, ids: list[int] | None = None, name: str | None = None, everything: bool = False) -> list[int]:
    """Puts them back into the queue with fresh tries; returns which. Raises NothingChosen."""
    _expect_chosen(ids, name, everything)
    done = await jobs_service.retry_dead(session, ids=ids, name=name)
    _record(session, "jobs.retry", done, name)
    return done


async def drop(session: AsyncSession, *, ids: list[int] | None = None, name: str | None = None, everything: bool = False) -> list[int]:
    """Deletes them undone; returns which. Raises NothingChosen."""
    _expect_chosen(ids, name, everything)
    done = await jobs_service.drop_dead(session, ids=ids, name=name)
    _record(session, "jobs.drop", done, name)
    return done


def _expect_chosen(ids: list[int] | None, name: str | None, everything: bool) -> None:
    if not (ids or name or everything):
        raise NothingChosen


def _record(session: AsyncSession, action: str, done: list[int], name: str | None) -> None:
    if done:
        audit_service.record(session, action, object_kind="job", object_id=None, jobs=done[:TOLD], count=len(done), name=name)
