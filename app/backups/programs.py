"""Runs the server's own programs for backups, and turns their refusals into ours."""

import subprocess
from pathlib import Path

from app.backups.errors import BackupError
from app.db.embedded import binaries

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC", "HOME": "/"}
LAST_WORDS = 2_000


def run(program: str, *arguments: str | Path) -> None:
    """Raises BackupError with its last words."""
    path = binaries.find() / program
    if not path.is_file():
        raise BackupError(f"没有程序 {program} / the server's programs lack {program}")
    ended = subprocess.run(
        [path, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/", env=ENVIRONMENT,
        check=False,
    )
    if ended.returncode:
        raise BackupError(f"{program}: {ended.stdout.strip()[-LAST_WORDS:]}")
