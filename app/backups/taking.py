"""Taking a base backup of the running embedded server, with the archive of its log switched on before it begins."""

from pathlib import Path

from app import clock
from app.backups import programs
from app.backups.folder import Base, Folder
from app.db.embedded import archive
from app.db.embedded.account import choose
from app.db.embedded.home import Home

DEFAULT = "backups"  # below the data folder, where nothing else was said


def destination(data_dir: Path, given: Path | None) -> Folder:
    """The folder that was given, else the one that the log goes to already, else one below the data folder."""
    active = archive.folder(Home(data_dir))
    return Folder(given or (active.parent if active else data_dir / DEFAULT))


def take(data_dir: Path, address: str, to: Folder) -> Base:
    """The server must be running at the address. It is checked against its own list of checksums before it counts. Raises BackupError."""
    home = Home(data_dir)
    archive.send_to(home, choose(home.data), to.wal)
    draft = to.draft()
    programs.run(
        "pg_basebackup", "-d", address, "-D", draft, "-F", "t", "-X", "stream", "--compress=gzip:1", "--checkpoint=fast",
        "--manifest-checksums=SHA256", "--no-password", "-l", "xinxin",
    )
    finished_at = clock.now()
    programs.run("pg_verifybackup", "--no-parse-wal", "--quiet", draft)
    return to.keep(draft, finished_at)
