"""The unprivileged account that the server runs as: PostgreSQL refuses to run as root."""

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.db.embedded.failure import EmbeddedServerError

CANDIDATES = ("postgres", "nobody")
PRINT_FIRST_CLOSED = 'for folder do [ -x "$folder" ] || { printf %s "$folder"; exit 1; }; done'


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int
    dropped: bool  # from root; otherwise it is the account of this process

    @property
    def identity(self) -> dict[str, Any]:
        """Arguments of subprocess.Popen that start a child as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.dropped else {}

    def give(self, path: Path) -> None:
        if self.dropped:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def give_tree(self, folder: Path) -> None:
        for path in (folder, *folder.rglob("*")):
            self.give(path)

    def owns_privately(self, folder: Path) -> bool:
        """Whether it is a real folder of this account that nobody else can enter (another user may have made the name in /tmp)."""
        found = os.lstat(folder)
        return stat.S_ISDIR(found.st_mode) and found.st_uid == self.uid and stat.S_IMODE(found.st_mode) == 0o700

    def require_way_to(self, folder: Path) -> None:
        """Raises EmbeddedServerError naming the first folder on the way that the account cannot enter; its mode is not ours to change."""
        if not self.dropped:
            return
        way = [str(step) for step in (*reversed(folder.parents), folder)]
        try:
            walk = subprocess.run(
                ["/bin/sh", "-c", PRINT_FIRST_CLOSED, "sh", *way], cwd="/", capture_output=True, text=True, check=False, **self.identity
            )
        except OSError as error:
            raise EmbeddedServerError(f"无法切换到账号 {self.uid} / cannot become account {self.uid}: {error.strerror}") from error
        if walk.returncode:
            raise EmbeddedServerError(
                f"数据库账号(uid {self.uid})进不去文件夹 {walk.stdout},请把 XINXIN_DATA_DIR 设到别处,例如 /var/lib/xinxin / "
                f"the database account (uid {self.uid}) cannot enter the folder {walk.stdout}: set XINXIN_DATA_DIR to a place that it "
                "can reach, for example /var/lib/xinxin"
            )


def choose(data: Path) -> Account:
    """The owner of the data if there is some, else (as root) `postgres` or `nobody`, else whoever runs this process."""
    owner = data.stat().st_uid if data.exists() else None
    own = os.geteuid()
    if own != 0:
        if owner not in (None, own):
            raise EmbeddedServerError(f"{data} 属于另一个用户 / {data} belongs to uid {owner}, but this process runs as uid {own}")
        return Account(own, os.getegid(), dropped=False)
    if owner:
        return Account(owner, data.stat().st_gid, dropped=True)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, dropped=True)
    raise EmbeddedServerError("没有可用的非特权账号 / run as a user other than root, or create the system account `postgres`")
