"""The county's life after the start, in processes of its own, so that the worker stays free and the service quick."""

import asyncio
import os
import sys
from typing import Any

from app.jobs.registry import Context, handles
from app.process import PARENT
from app.settings import Settings


class FillingFailed(Exception):
    """A lane has ended before its end: the job is tried again, and goes on where it stopped."""


@handles("demo.fill")
async def fill(context: Context, payload: dict[str, Any]) -> None:
    """Fills every part. Raises FillingFailed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.demo.filling", env=environment(context.settings),
        stdin=asyncio.subprocess.DEVNULL,
    )
    try:
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    if code:
        raise FillingFailed(code)


def environment(settings: Settings) -> dict[str, str]:
    """That of this process, with the settings that it works with."""
    chosen = {f"XINXIN_{name.upper()}": str(value) for name, value in settings.model_dump(exclude_none=True).items()}
    return {name: value for name, value in os.environ.items() if not name.startswith("XINXIN_")} | chosen | {PARENT: str(os.getpid())}
