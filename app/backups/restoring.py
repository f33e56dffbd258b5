"""Restoring a backup into a data folder of its own, up to the end of the archived log or to a moment; never over one that is there."""

import asyncio
import os
import shlex
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from app.backups import folder, programs
from app.backups.errors import BackupError
from app.backups.folder import Base, Folder
from app.db.embedded import EmbeddedServerError, serve
from app.db.embedded.account import choose
from app.db.embedded.home import Home

PATIENCE = 4 * 3600.0  # seconds: a month's log is replayed no faster than the disk allows
ONLY_HERE = ("restore_command", "recovery_target_time", "recovery_target_action", "hot_standby")


@contextmanager
def restored(source: Folder, into: Path, *, moment: datetime | None) -> Iterator[tuple[Base, str]]:
    """The base backup it began with, and the address of the server, which runs inside this context.

    Raises BackupError for a folder that is in use, a damaged backup, a hole in the log, and a moment that the log does not reach.
    """
    home = Home(into)
    if home.data.exists():
        raise BackupError(f"{home.data}: 已有数据库,不会覆盖 / holds a database already: restore into another folder")
    base = source.base_before(moment)
    names = source.needed_by(base)
    if moment is None:
        folder.require_whole(names, base)
    home.make()
    _unpack(base, home)
    log = _copy_log(source, names, home)
    _order_recovery(home, log, moment)
    try:
        with serve(into, patience=PATIENCE) as address:
            asyncio.run(_settle(address))
            shutil.rmtree(log)
            yield base, address
    except EmbeddedServerError as error:
        raise BackupError(f"恢复没有完成 / the restore did not come to its end: {error}") from error


def _unpack(base: Base, home: Home) -> None:
    """Every file is compared with the backup's list of checksums, and its own part of the log is read."""
    draft = home.draft
    shutil.rmtree(draft, ignore_errors=True)
    for archive, place in (("base", draft), ("pg_wal", draft / "pg_wal")):
        place.mkdir(mode=0o700, exist_ok=True)
        try:
            with tarfile.open(base.folder / f"{archive}.tar.gz") as packed:
                packed.extractall(place, filter="data")
        except (OSError, EOFError, tarfile.TarError) as error:
            raise BackupError(f"{base.folder}/{archive}.tar.gz: 已损坏 / is damaged ({type(error).__name__})") from None
    shutil.copy(base.folder / "backup_manifest", draft)
    programs.run("pg_verifybackup", "--quiet", draft)
    draft.rename(home.data)


def _copy_log(source: Folder, names: list[str], home: Home) -> Path:
    """A copy that the server's account may read: the archive belongs to the living server, and stays as it is."""
    log = home.folder / "restoring-log"
    shutil.rmtree(log, ignore_errors=True)
    log.mkdir(mode=0o700)
    for name in names:
        folder.require_sound(source.wal / f"{name}.gz")
        shutil.copy(source.wal / f"{name}.gz", log)
    for history in source.wal.glob("*.history.gz") if source.wal.is_dir() else ():
        shutil.copy(history, log)
    return log


def _order_recovery(home: Home, log: Path, moment: datetime | None) -> None:
    """The server refuses everybody until it has reached its aim, and refuses to start when it cannot."""
    fetch = f"gzip -dc {shlex.quote(str(log)).replace('%', '%%')}/%f.gz > \"%p\""
    orders = {"restore_command": fetch, "hot_standby": "off", "recovery_target_action": "promote"}
    if moment is not None:
        orders["recovery_target_time"] = moment.astimezone(UTC).isoformat(sep=" ")
    written = "".join(f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in orders.items())
    with (home.data / "postgresql.auto.conf").open("a") as file:
        file.write(written)
    (home.data / "recovery.signal").touch(mode=0o600)
    account = choose(home.folder)
    for place in (home.data, log):
        account.give_tree(place)
        os.chmod(place, 0o700)
    account.require_way_to(log)


async def _settle(address: str) -> None:
    """Takes the orders back, so that the next start is an ordinary one."""
    connection = await asyncpg.connect(address, timeout=10)
    try:
        for name in ONLY_HERE:
            await connection.execute(f"alter system reset {name}")
    finally:
        await connection.close()
