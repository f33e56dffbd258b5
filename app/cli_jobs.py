"""`scripts/manage jobs`: the queue and its dead letters."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from app import letters
from app.db.session import AsyncSession, Database
from app.jobs import queries
from app.jobs.queries import Job
from app.settings import Settings

Ids = Annotated[list[int] | None, typer.Argument(help="numbers of dead letters")]
Name = Annotated[str | None, typer.Option("--name", help="those of one job")]
All = Annotated[bool, typer.Option("--all", help="every dead letter")]
WithDatabase = Callable[[Callable[[Database], Awaitable[Any]], Settings], Any]
Act = Callable[..., Awaitable[list[int]]]


def install(cli: typer.Typer, with_database: WithDatabase) -> None:
    """Adds the commands; `with_database` runs work over the service's database."""
    commands = typer.Typer(help="The job queue: list, show, retry, drop.")
    _add_looks(commands, with_database)
    _add_acts(commands, with_database)
    cli.add_typer(commands, name="jobs")


def _add_looks(commands: typer.Typer, with_database: WithDatabase) -> None:
    def seen(look: Callable[[AsyncSession], Awaitable[list[str]]]) -> None:
        async def work(database: Database) -> list[str]:
            async with database.reader() as session:
                return await look(session)

        lines = with_database(work, Settings())
        if not lines:
            raise SystemExit("没有这个任务 / no such job")
        typer.echo("\n".join(lines))

    @commands.callback(invoke_without_command=True)
    def without(context: typer.Context) -> None:
        """Without a word more: the dead letters."""
        if context.invoked_subcommand is None:
            seen(lambda session: _lines(session, "failed", None, 100))

    @commands.command("list")
    def list_(
        status: Annotated[str, typer.Option(help="queued, picked or failed (dead letters)")] = "failed", name: Name = None,
        limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    ) -> None:
        """Shows jobs in a state, oldest first."""
        seen(lambda session: _lines(session, status, name, limit))

    @commands.command()
    def show(job_id: int) -> None:
        """Shows one job and what happened to it."""
        seen(lambda session: _story(session, job_id))


def _add_acts(commands: typer.Typer, with_database: WithDatabase) -> None:
    def done(act: Act, ids: list[int] | None, name: str | None, everything: bool) -> int:
        async def work(database: Database) -> list[int]:
            async with database.transaction() as session:
                return await act(session, ids=ids or None, name=name, everything=everything)

        try:
            return len(with_database(work, Settings()))
        except letters.NothingChosen:
            raise SystemExit("说明是哪些任务 / say which: numbers, --name or --all") from None

    @commands.command()
    def retry(ids: Ids = None, name: Name = None, everything: All = False) -> None:
        """Puts dead letters back into the queue with fresh tries."""
        typer.echo(f"{done(letters.retry, ids, name, everything)} 个任务已重新排队 / back in the queue")

    @commands.command()
    def drop(ids: Ids = None, name: Name = None, everything: All = False) -> None:
        """Deletes dead letters: what they were to do will not be done."""
        typer.echo(f"{done(letters.drop, ids, name, everything)} 个任务已删除 / dropped")


async def _lines(session: AsyncSession, status: str, name: str | None, limit: int) -> list[str]:
    found = [_line(job) for job in await queries.listed(session, status=status, name=name, limit=limit)]
    counted = await queries.counts(session)
    if not counted:
        return [*found, "没有任务 / the queue is empty"]
    return [*found, " ".join(f"{state}={number}" for state, number in sorted(counted.items())), await _age(session)]


async def _age(session: AsyncSession) -> str:
    """Whether the queue keeps up: what is due, what rests after a failure, and how late the oldest is."""
    figures = await queries.measured(session)
    oldest = max(seconds for name, seconds in figures.items() if name.startswith("xinxin_jobs_oldest_due_seconds"))
    due, resting = (int(figures[f"xinxin_jobs_{name}"]) for name in ("due", "retrying"))
    return f"到期 due={due} 失败后待重试 retrying={resting} 最久已等 oldest due {oldest:.0f} s"


async def _story(session: AsyncSession, job_id: int) -> list[str]:
    job = await queries.one(session, job_id=job_id)
    passed = await queries.history(session, job_id=job_id)
    head = [] if job is None else [_line(job), f"due {job.due_at.isoformat()} priority {job.priority} crashes {job.crashes}"]
    return [*head, *(f"{one.at.isoformat()} {one.status} {one.reason or ''}".rstrip() for one in passed)]


def _line(job: Job) -> str:
    told = f"{job.id} {job.name} {job.status} attempts={job.attempts} {job.created_at.isoformat()}"
    due = f" due {job.due_at.isoformat()}" if job.status == "queued" else ""
    return f"{told}{due} {json.dumps(job.payload)}"
