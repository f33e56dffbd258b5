"""`python -m app.cli`: what an operator does from a shell. `scripts/manage` is a few lines before it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import typer

import app.tables  # noqa: F401 - fills the metadata before the first statement
from app import documents, main, parts, ports, worker
from app.auth import service as auth_service
from app.auth.roles import Role, ScopeType
from app.db import migrate as migrations
from app.db import session as db_session
from app.db.embedded import serve as serve_embedded
from app.db.session import Database
from app.errors import AppError
from app.invariants import service as invariants_service
from app.jobs import queries as jobs_queries
from app.jobs import service as jobs_service
from app.security import passwords
from app.settings import Settings

cli = typer.Typer(pretty_exceptions_enable=False, no_args_is_help=True, add_completion=False)
Result = TypeVar("Result")
OPENAPI = Path(__file__).resolve().parents[1] / "openapi"


@contextmanager
def database_address(settings: Settings) -> Iterator[str]:
    """The address in the settings, or that of the embedded server of the data folder, started if need be."""
    if settings.database_url:
        yield settings.database_url
        return
    with serve_embedded(settings.data_dir) as address:
        yield address


def with_database(work: Callable[[Database], Awaitable[Result]], settings: Settings) -> Result:
    async def run(address: str) -> Result:
        database = db_session.connect(address, info=parts.session_info(settings), name="xinxin-manage", statement_timeout_ms=120_000)
        try:
            return await work(database)
        finally:
            await database.close()

    with database_address(settings) as address:
        return asyncio.run(run(address))


@cli.command()
def migrate() -> None:
    """Brings the database to the present schema."""
    with database_address(Settings()) as address:
        migrations.upgrade(address)


@cli.command("create-admin")
def create_admin(username: str) -> None:
    """Creates a platform administrator for the console; password from XINXIN_ADMIN_PASSWORD or a prompt."""
    settings = Settings()
    password = settings.admin_password or typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    weak = passwords.weakness(password, username=username, production=settings.production)
    if weak:
        raise SystemExit(weak)

    async def work(database: Database) -> None:
        hashed = await passwords.hash_password(password)
        async with database.transaction() as session:
            account = await auth_service.create_console_account(session, username=username, password_hash=hashed)
            await auth_service.appoint(
                session, account_id=account.id, role=Role.PLATFORM_ADMIN, scope_type=ScopeType.PLATFORM, scope_id=None
            )

    try:
        with_database(work, settings)
    except AppError as refusal:
        raise SystemExit(f"{username}: {refusal.sentence} ({refusal.code})") from None
    typer.echo(f"管理员 {username} 已创建 / administrator {username} created")


@cli.command("ledger-check")
def ledger_check() -> None:
    """Runs the SQL that must always give zero rows; exit code 1 and the rows when it does not."""
    findings = with_database(invariants_service.check_all, Settings())
    for finding in findings:
        typer.echo(f"{finding.invariant}: {finding.count} rows, e.g. {finding.sample}", err=True)
    typer.echo("账目一致 / the ledger is clean" if not findings else "账目不一致 / the ledger is NOT clean")
    if findings:
        raise SystemExit(1)


@cli.command()
def openapi(check: Annotated[bool, typer.Option(help="compare instead of writing")] = False) -> None:
    """Writes openapi/openapi.json and openapi/errors.json from the code."""
    ports.connect()
    for name, content in openapi_files().items():
        path = OPENAPI / name
        if check and (not path.exists() or path.read_text() != content):
            raise SystemExit(f"openapi/{name} is not what the code says: run scripts/manage openapi")
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)


def openapi_files() -> dict[str, str]:
    """File name → content, as they are committed."""
    documented = documents.openapi(main.create_app(Settings()))
    made = {"openapi.json": documented, "errors.json": documents.error_codes()}
    return {name: json.dumps(content, ensure_ascii=False, indent=1) + "\n" for name, content in made.items()}


@cli.command("worker")
def run_worker() -> None:
    """Runs one more job worker in the foreground."""
    worker.main()


@cli.command()
def jobs(
    status: Annotated[str, typer.Option(help="queued, picked or failed (dead letters)")] = "failed",
    retry: Annotated[bool, typer.Option(help="put the dead letters back into the queue")] = False,
) -> None:
    """Shows jobs in a state; dead letters are those that failed for good."""

    async def work(database: Database) -> None:
        async with database.transaction() as session:
            for job in await jobs_queries.listed(session, status=status):
                typer.echo(f"{job.id} {job.name} attempts={job.attempts} {job.created_at.isoformat()} {json.dumps(job.payload)}")
            if retry:
                typer.echo(f"{await jobs_service.retry_dead(session)} back in the queue")

    with_database(work, Settings())


if __name__ == "__main__":
    cli()
