"""The archive of the server's write-ahead log: each full segment is put, compressed, into the folder that a note names.

The note and not a setting decides, so a process that starts the server without knowing of backups cannot tear a hole into the archive. It
stands beside the data, not in it: a restored copy must never write into the archive that it came from.
"""

import os
import shlex
from pathlib import Path

from app.db.embedded.account import Account
from app.db.embedded.home import Home, replace_file

# A segment is closed after so long if anything was written: at most that much is lost with the machine. Below the promise of 60 s, since
# the copy takes a moment too.
SECONDS = 50
# The name appears when its whole content is on the disk. A segment is offered again after a crash: the same one is agreed to, a
# different one of that name (two servers on one archive) never replaces it, and the server's log says so.
SCRIPT = """set -eu
umask 077
note=$1 segment=$2 name=$3
[ -f "$note" ] || exit 0
to=$(cat "$note")
whole="$to/$name.gz" draft="$to/.$name.new"
if [ -e "$whole" ]; then
  gzip -dc "$whole" | cmp -s - "$segment" && exit 0
  echo "archive: $whole is there and differs" >&2
  exit 1
fi
gzip -1 -c "$segment" >"$draft"
sync "$draft"
mv "$draft" "$whole"
sync "$to"
"""


def settings(home: Home) -> dict[str, str]:
    """What the server is started with; it archives nothing while there is no note."""
    replace_file(home.archive_script, SCRIPT)
    home.archive_script.chmod(0o644)
    command = f"/bin/sh {shlex.quote(str(home.archive_script))} {shlex.quote(str(home.archive_note))}".replace("%", "%%")
    return {"archive_mode": "on", "archive_timeout": str(SECONDS), "archive_command": f'{command} "%p" "%f"'}


def folder(home: Home) -> Path | None:
    """Where segments go now; None: nowhere."""
    try:
        return Path(home.archive_note.read_text().rstrip("\n"))
    except FileNotFoundError:
        return None


def send_to(home: Home, account: Account, to: Path) -> None:
    """From the next segment on. Raises EmbeddedServerError when the server's account cannot get there."""
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    account.give(to)
    account.require_way_to(to)
    if folder(home) != to:
        replace_file(home.archive_note, f"{to}\n")
        os.chmod(home.archive_note, 0o644)
