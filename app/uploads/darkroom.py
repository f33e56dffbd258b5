"""Where photos are developed: in processes of their own, never more of them at once than half the cores.

A 50-megapixel photo takes up to 400 MB and two seconds while it is decoded. That memory is not the API's, whose requests go on meanwhile;
and a file that ends the process which looks at it is a damaged one, and nothing else has been lost.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from anyio import BrokenWorkerProcess, CapacityLimiter, to_process
from starlette.datastructures import UploadFile

from app.errors import PayloadTooLarge
from app.middleware.limits import FILE_BYTES
from app.uploads import apart
from app.uploads.apart import Developer
from app.uploads.developed import Picture, damaged

_ROOM = CapacityLimiter(max(1, (os.cpu_count() or 2) // 2))


async def read(file: UploadFile) -> Picture:
    """Takes a file in, one after the other. Raises PayloadTooLarge, UnsupportedMediaType, ValidationFailed."""
    if file.size is None or file.size > FILE_BYTES:
        raise PayloadTooLarge("照片不能超过 10 MB", limit=FILE_BYTES)
    return await developed(await file.read())


async def developed(data: bytes, developer: Developer = apart.cleaned) -> Picture:
    """Raises what `developer` raises, a function of a module. A process may end for reasons that are not the file's, so another one looks
    at it too; ValidationFailed when that one ends as well."""
    try:
        picture = await _sent(data, developer)
    except BrokenWorkerProcess:
        try:
            picture = await _sent(data, developer)
        except BrokenWorkerProcess as ended:
            raise damaged() from ended
    return replace(picture, sent=replace(picture.sent, data=data)) if picture.sent else picture


@asynccontextmanager
async def opened() -> AsyncIterator[None]:
    """Gets a process ready meanwhile, which takes a second that the first photo then need not wait."""
    readying = asyncio.create_task(to_process.run_sync(apart.settle, limiter=_ROOM))
    try:
        yield
    finally:
        readying.cancel()
        await asyncio.wait({readying})


async def _sent(data: bytes, developer: Developer) -> Picture:
    return await to_process.run_sync(apart.develop, developer, data, limiter=_ROOM)
