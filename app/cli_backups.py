"""`scripts/manage backup`, `restore`, `restore-drill`: of the embedded server. Another server's administrator backs it up, see README."""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import sqlalchemy as sa
import typer
from alembic.script import ScriptDirectory

from app import clock, parts
from app.backups import restoring, service, taking
from app.backups.errors import BackupError
from app.backups.folder import STAMP, Base, Folder
from app.backups.models import BackupKind
from app.db import migrate as migrations
from app.db import session as db_session
from app.db.embedded import EmbeddedServerError
from app.db.session import Database
from app.invariants import service as invariants_service
from app.invariants import views as invariants_views
from app.me import reapplying
from app.seals import running as seals_running
from app.settings import Settings
from app.storage.store import open_store

FOREIGN = """数据库由 XINXIN_DATABASE_URL 指定,由其管理员备份 / the database is XINXIN_DATABASE_URL's: let its administrator back it up:
  archive_mode=on, archive_timeout=60s, archive_command to another machine, a base backup a day (pg_basebackup, pgBackRest or the
  provider's own), 35 days of both, and a restore into a scratch server a day. Beside each: scripts/manage erasures --export FILE"""
THEN = """下一步 / then: stop the service, move DATA_DIR/postgres away and {into}/postgres into its place, start, and run
  scripts/manage audit-verify --restored; scripts/manage backup (begins the archive of this line of history)"""
JUDGING_MS = 600_000
Result = TypeVar("Result")
DatabaseAddress = Callable[[Settings], AbstractContextManager[str]]
MOMENTS = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f"]
Source = Annotated[Path | None, typer.Argument(help="the folder of backups; default: where this server's go")]


class Unsound(BackupError):
    """It was restored, and what came back does not hold."""


def install(cli: typer.Typer, database_address: DatabaseAddress) -> None:
    """Adds the commands; `database_address` is that of the living server, started if need be."""

    @cli.command()
    def backup(to: Annotated[Path | None, typer.Argument(help="another disk, if there is one")] = None) -> None:
        """Takes a base backup, and switches the archive of the log on. Keeps 35 days. Keys are not in it: keep keys.json elsewhere."""
        _told(lambda settings: _back_up(settings, to, database_address))

    @cli.command()
    def restore(
        source: Annotated[Path, typer.Argument(metavar="FROM", help="the folder of backups")],
        into: Annotated[Path, typer.Option(help="a data folder without a database; becomes XINXIN_DATA_DIR when all is well")],
        to_time: Annotated[datetime | None, typer.Option(formats=MOMENTS, help="UTC; default: as far as the log goes")] = None,
    ) -> None:
        """Restores into a folder of its own, erases again who had been erased, and checks the books and the chain there."""
        moment = to_time.replace(tzinfo=UTC) if to_time else None
        _told(lambda settings: f"{_restore(settings, Folder(source), into, moment, BackupKind.RESTORE)}\n{THEN.format(into=into)}")

    @cli.command("restore-drill")
    def restore_drill(source: Source = None) -> None:
        """Restores the newest backup beside the living database, judges it, notes the success, and throws the copy away."""
        _told(lambda settings: _drill(settings, source, database_address))


def _told(work: Callable[[Settings], str]) -> None:
    settings = Settings()
    if settings.database_url:
        raise SystemExit(FOREIGN)
    try:
        typer.echo(work(settings))
    except (BackupError, EmbeddedServerError) as refusal:
        raise SystemExit(str(refusal)) from None


def _back_up(settings: Settings, to: Path | None, database_address: DatabaseAddress) -> str:
    began, folder = time.monotonic(), taking.destination(settings.data_dir, to)
    folder.make()
    with folder.alone(), database_address(settings) as address:
        base = taking.take(settings.data_dir, address, folder)
        seconds = time.monotonic() - began

        async def note(database: Database) -> str:
            async with database.transaction() as session:
                await service.note(session, BackupKind.BACKUP, base_finished_at=base.finished_at, size=base.size, seconds=seconds)
                return await reapplying.written(session)

        text = _with(settings, address, note)
        (folder.erasures / f"{base.finished_at.strftime(STAMP)}.jsonl").write_text(text)
        gone = folder.prune(clock.now())
    return f"{base.folder}: {base.size / 1e6:.1f} MB, {seconds:.1f} s; 过期删除 / removed as too old: {gone}"


def _drill(settings: Settings, source: Path | None, database_address: DatabaseAddress) -> str:
    """The copy stands beside the data, on the disk that has room for it."""
    folder, scratch = taking.destination(settings.data_dir, source), settings.data_dir.resolve() / "restore-drill"
    shutil.rmtree(scratch, ignore_errors=True)
    began = time.monotonic()
    try:
        said = _restore(settings, folder, scratch, None, BackupKind.RESTORE_DRILL)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    base = folder.base_before(None)
    with database_address(settings) as address:
        _note(settings, address, BackupKind.RESTORE_DRILL, base, time.monotonic() - began)
    return said


def _restore(settings: Settings, folder: Folder, into: Path, moment: datetime | None, kind: BackupKind) -> str:
    began = time.monotonic()
    with restoring.restored(folder, into, moment=moment) as (base, address):
        replayed = time.monotonic() - began
        if _with(settings, address, _behind):
            migrations.upgrade(address)
        journal = folder.journal()
        lines = _with(settings, address, lambda database: _judge(database, settings, journal.read_text() if journal else ""))
        if kind is BackupKind.RESTORE:
            _note(settings, address, kind, base, time.monotonic() - began)
    size = base.size / 1e6
    return "\n".join([*lines, f"{into}: {size:.1f} MB, 恢复 / restored in {replayed:.1f} s, 共 / in all {time.monotonic() - began:.1f} s"])


def _note(settings: Settings, address: str, kind: BackupKind, base: Base, seconds: float) -> None:
    async def work(database: Database) -> None:
        async with database.transaction() as session:
            await service.note(session, kind, base_finished_at=base.finished_at, size=base.size, seconds=seconds)

    _with(settings, address, work)


async def _behind(database: Database) -> bool:
    """Whether migrations are missing: it was backed up by an earlier release. Raises BackupError for one of a later release."""
    async with database.reader() as session:
        found = (await session.exec(sa.text("select version_num from alembic_version"))).scalar_one()
    known = ScriptDirectory.from_config(migrations.configuration())
    if found not in {revision.revision for revision in known.walk_revisions()}:
        raise Unsound(f"数据库版本 {found} 比程序新 / the backup is of a later release than this program: schema {found}")
    return bool(found != known.get_current_head())


async def _judge(database: Database, settings: Settings, journal: str) -> list[str]:
    """Erasures first, since they change rows; then the invariants and the chain. Raises Unsound with what is wrong."""
    new, again = await reapplying.take_in(database, journal), await reapplying.everyone(database)
    results = await invariants_service.examine(database, lanes=2)
    store = open_store(settings.object_store_url)
    try:
        verdict = await seals_running.check_copy(database, store, lanes=2)
    finally:
        await store.aclose()
    lines = [*invariants_views.lines(results), *seals_running.told(verdict)]
    if any(result.broken or result.error for result in results) or not verdict.clean:
        raise Unsound("\n".join(["恢复的数据有误 / what was restored does not hold:", *lines]))
    return [*lines, f"注销记录 / erasures taken in {new}, 重新注销 / erased again {again}"]


def _with(settings: Settings, address: str, work: Callable[[Database], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        database = db_session.connect(
            address, info=parts.session_info(settings), name="xinxin-manage", statement_timeout_ms=JUDGING_MS, role=None
        )
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())
