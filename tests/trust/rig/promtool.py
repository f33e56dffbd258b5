"""Prometheus' own judge of rules, from Debian's package: taken out of it and not installed, so that no server starts."""

import shutil
import subprocess
from pathlib import Path

import pytest


def found(folder: Path) -> str:
    """Where promtool is. Skips, and says why, where neither the machine nor Debian's archive has it."""
    here = shutil.which("promtool")
    if here is not None:
        return here
    try:
        subprocess.run(["apt-get", "download", "prometheus"], cwd=folder, check=True, capture_output=True, timeout=120)
        (package,) = folder.glob("prometheus_*.deb")
        subprocess.run(["dpkg", "-x", str(package), str(folder)], check=True, capture_output=True, timeout=60)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        pytest.skip(f"no promtool, and Debian's prometheus could not be fetched ({type(error).__name__})")
    return str(folder / "usr/bin/promtool")
