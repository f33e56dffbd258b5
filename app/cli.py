"""`python -m app.cli`: what an operator does from a shell. `scripts/manage` is a few lines before it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID

import typer

import app.tables  # noqa: F401 - fills the metadata before the first statement
from app import cli_accounts, cli_backups, cli_failover, cli_jobs, cli_wechat, parts, ports
from app.auth import service as auth_service
from app.auth.roles import Role, ScopeType
from app.db import migrate as migrations
from app.db import session as db_session
from app.db.embedded import serve as serve_embedded
from app.db.session import Database
from app.demo.generating import running as generating
from app.errors import AppError
from app.invariants import service as invariants_service
from app.invariants import views as invariants_views
from app.me import journal, queries_erasures, reapplying
from app.me import service as me_service
from app.retention import running as retention_running
from app.rotation import reporting
from app.rotation import service as rotation_service
from app.rotation.derived import DERIVED
from app.rotation.fields import PLACES
from app.seals import running as seals_running
from app.seals.findings import Verdict
from app.security import keys, passwords
from app.settings import Settings
from app.statements import rebuilding as statements_rebuilding
from app.statistics import rebuilding
from app.storage.store import open_store
from app.workdays import seeding
from app.workdays import service as workdays_service

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
        database = db_session.connect(
            address, info=parts.session_info(settings), name="xinxin-manage", statement_timeout_ms=120_000, role=None
        )
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
def ledger_check(
    with_chain: Annotated[bool, typer.Option("--chain/--no-chain", help="and the seals of the last day; audit-verify does all")] = True,
) -> None:
    """Checks the invariants of the books on one snapshot, over two connections; exit code 1 when one is broken or cannot be checked."""

    settings = Settings()
    results = with_database(partial(invariants_service.examine, lanes=2), settings)
    typer.echo("\n".join(invariants_views.lines(results)))
    good = not any(result.broken or result.error for result in results)
    if with_chain:
        verdict = chain(settings, since=None)
        typer.echo("\n".join(seals_running.told(verdict)))
        good = good and verdict.clean
    if not good:
        raise SystemExit(1)


@cli.command("audit-verify")
def audit_verify(
    since: Annotated[int, typer.Option("--since-block", min=1, help="a quick look from this block on, which signs nothing")] = 1,
    restored: Annotated[bool, typer.Option("--restored", help="after a restore: anchors beyond the chain's end are void")] = False,
) -> None:
    """Checks the chain of hashes over the ledger and the trail, and its anchors; names the first bad row; exit code 1 when there is one."""
    verdict = chain(Settings(), since=since, restored=restored)
    typer.echo("\n".join(seals_running.told(verdict)))
    if not verdict.clean:
        raise SystemExit(1)


def chain(settings: Settings, *, since: int | None, restored: bool = False) -> Verdict:
    """The chain from a block on; `since` None: what was sealed in the last day."""

    async def work(database: Database) -> Verdict:
        first, store = since or await seals_running.lately(database), open_store(settings.object_store_url)
        try:
            return await seals_running.check(database, store, since=first, lanes=2, restored=restored)
        finally:
            await store.aclose()

    return with_database(work, settings)


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
    from app import documents, main  # every route: no other command needs one, and they are a third of what there is to load

    documented = documents.openapi(main.create_app(Settings()))
    made = {"openapi.json": documented, "errors.json": documents.error_codes()}
    return {name: json.dumps(content, ensure_ascii=False, indent=1) + "\n" for name, content in made.items()}


@cli.command("worker")
def run_worker() -> None:
    """Runs one more job worker in the foreground."""
    from app import worker  # with every job: for this command alone

    worker.main()


@cli.command()
def erase(
    member_id: UUID, dry_run: Annotated[bool, typer.Option(help="print what would be touched, change nothing")] = False
) -> None:
    """Erases a cancelled account whose day has come, as the nightly job does; prints how many rows each feature touched."""

    async def work(database: Database) -> dict[str, int] | None:
        if not dry_run:
            async with database.transaction() as session:
                return await me_service.erase(session, member_id=member_id)
        async with database.session() as session:
            counts = await me_service.rehearse(session, member_id=member_id)
            await session.rollback()
            return counts

    try:
        counts = with_database(work, Settings())
    except AppError as refusal:
        raise SystemExit(f"{member_id}: {refusal.sentence} ({refusal.code})") from None
    if counts is None:
        raise SystemExit(f"{member_id}: 账号没有到期的注销申请 / not cancelled, or its day has not come")
    typer.echo("\n".join(f"{name} {rows}" for name, rows in counts.items()))
    typer.echo("未作任何更改 / nothing was changed" if dry_run else "账号已注销 / erased")


@cli.command()
def erasures(
    reapply: Annotated[bool, typer.Option(help="erase again whom a restored backup brought back")] = False,
    export: Annotated[Path | None, typer.Option(help="write the journal to a file, one JSON object a line")] = None,
    import_: Annotated[Path | None, typer.Option("--import", help="add what another copy of the journal knows, first")] = None,
) -> None:
    """The journal of erasures: after a restore, import the newest copy and re-apply it before the service is opened."""

    async def work(database: Database) -> None:
        if import_ is not None:
            typer.echo(f"导入 / new {await reapplying.take_in(database, import_.read_text())}")
        if reapply:
            typer.echo(f"重新注销 / erased again {await reapplying.everyone(database)}")
        async with database.session() as session:
            if export is not None:
                export.write_text(await reapplying.written(session))
            kept, undone = await queries_erasures.count(session), len(await queries_erasures.undone(session))
        typer.echo(f"注销记录 / erasures {kept}, 未注销 / not erased {undone}")

    try:
        with_database(work, Settings())
    except journal.BadJournal as bad:
        raise SystemExit(str(bad)) from None


@cli.command()
def retention(dry_run: Annotated[bool, typer.Option("--dry-run", help="say what is over, and change nothing")] = False) -> None:
    """Rounds, deletes and anonymises what has been kept long enough, as the nightly job does."""
    if dry_run:
        for code, found in with_database(retention_running.rehearse, Settings()).items():
            since = f", 最早 / oldest {found.oldest.isoformat()}: {' '.join(found.examples)}" if found.oldest else ""
            typer.echo(f"{code}: {found.rows} 条 / rows{since}")
        return
    for code, rows in with_database(retention_running.follow_all, Settings()).items():
        typer.echo(f"{code}: {rows} 条已处理 / rows done")


@cli.command("new-key")
def new_key(kid: str) -> None:
    """Prints a fresh key under this name, as XINXIN_FIELD_KEYS and XINXIN_SECRET_KEYS take it. Nothing keeps it but who reads it here."""
    typer.echo(keys.fresh(kid))


@cli.command("rotate-keys", help=rotation_service.__doc__)
def rotate_keys(
    batch: Annotated[int, typer.Option(min=1, max=5_000, help="rows of one transaction")] = 500,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be re-made, and what cannot be, and write nothing")] = False,
) -> None:
    settings = Settings()

    async def work(database: Database) -> bool:
        turns = []
        for place in PLACES:
            done = await rotation_service.turn(database, place, batch=batch, dry_run=dry_run, tell=typer.echo)
            typer.echo(f"{place.table}: {done.seen} rows seen, {done.remade} {'to be ' if dry_run else ''}re-made")
            turns.append(done)
        for derived in DERIVED:
            done = await rotation_service.turn_derived(database, derived, batch=batch, dry_run=dry_run)
            typer.echo(f"{derived.place.table}: {done.seen} rows seen, {done.remade} {'to be ' if dry_run else ''}re-made")
            turns.append(done)
        found = await rotation_service.survey(database, batch=batch)
        lines, clean = reporting.verdict(found, keys.load(settings))
        typer.echo("\n".join([*reporting.counts(found), *lines, *await seals_running.keys(database, settings.object_store_url)]))
        failed = list(reporting.failures(turns))
        if failed:
            typer.echo("\n".join(failed), err=True)
        return not failed and (clean or dry_run)

    if not with_database(work, settings):
        raise SystemExit(1)


@cli.command()
def calendar(
    year: Annotated[int, typer.Argument(min=2001, max=2099)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print what would change, change nothing")] = False,
) -> None:
    """Fills a year of the working-day calendar from the kept library; days that people entered stay as they are."""
    days = seeding.year_of(year)

    async def work(database: Database) -> list[date]:
        if not dry_run:
            async with database.transaction() as session:
                return await workdays_service.fill_year(session, year=year, days=days)
        async with database.session() as session:
            changed = await workdays_service.fill_year(session, year=year, days=days)
            await session.rollback()
            return changed

    changed = with_database(work, Settings())
    for day in changed:
        works, note = days[day]
        typer.echo(f"{day} {'上班' if works else '休息'}{f' {note}' if note else ''}")
    typer.echo("未作任何更改 / nothing was changed" if dry_run else f"{len(changed)} 天已写入 / days written")


@cli.command()
def figures(
    check: Annotated[bool, typer.Option("--check", help="compare with the event log, change nothing; exit code 1 on a difference")] = False,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="count every report anew; readers see the old figures until the end")] = False,
) -> None:
    """The summaries behind figures, facets and the map: compared with the event log, or made anew from it."""

    async def work(database: Database) -> list[rebuilding.Difference]:
        if rebuild:
            async with database.transaction() as session:
                typer.echo(f"重新计数 / reports counted {await rebuilding.rebuild(session)}")
        if not check:
            return []
        async with database.transaction() as session:
            return await rebuilding.differences(session)

    if check == rebuild:
        raise SystemExit("--check or --rebuild")
    found = with_database(work, Settings())
    for one in found:
        typer.echo(f"{one.table}: {one.count} rows differ, e.g. {one.sample}", err=True)
    if found:
        raise SystemExit(1)
    typer.echo("统计与事件记录一致 / the figures are what the event log says")


@cli.command()
def statements(
    check: Annotated[bool, typer.Option("--check", help="exit code 1 and what differs when a month is not what the ledger says")] = False,
    enterprise: Annotated[UUID | None, typer.Option(help="this one alone")] = None,
    files: Annotated[bool, typer.Option(help="the files too: most of a second a month")] = True,
) -> None:
    """Employers' frozen months: each made again from the ledger and compared, its digest and its files byte for byte."""
    if not check:
        raise SystemExit("--check")
    months, wrong = with_database(partial(statements_rebuilding.check, enterprise_id=enterprise, files=files), Settings())
    if wrong:
        raise SystemExit("\n".join([f"{len(wrong)} 处不一致 / differ, 第一处 / first:", *wrong]))
    typer.echo(f"{months} 份企业对账单与账本一致 / statements are what the ledger says")


@cli.command()
def generate(
    members: Annotated[int, typer.Option(min=1, help="accounts with phone and consents")],
    reports: Annotated[int, typer.Option(min=1, help="at most 20 a member, spread over the last 12 months")],
    seed: Annotated[int, typer.Option(min=0, help="another seed is another county")] = 1,
    entries: Annotated[int, typer.Option(min=0, help="of the ledger, about: members learn, help and order besides; 0: reports alone")] = 0,
) -> None:
    """Fills the database for measuring, as if that many people had reported for a year; refused in production. Run again, it goes on."""
    settings = Settings()
    with database_address(settings) as address:
        own = settings.model_copy(update={"database_url": address})
        try:
            generating.generate(own, members_asked=members, reports=reports, seed=seed, entries=entries, tell=typer.echo)
        except generating.Unsuitable as unsuitable:
            raise SystemExit(str(unsuitable)) from None


cli_jobs.install(cli, with_database)
cli_wechat.install(cli, with_database)
cli_accounts.install(cli, with_database)
cli_backups.install(cli, database_address)
cli_failover.install(cli)


if __name__ == "__main__":
    cli()
