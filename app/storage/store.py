"""The object store behind `XINXIN_STORAGE_URL`: bytes under keys that callers draw at random and never use twice.

Every refusal of the store is one of ours: NotFound, StorageFull, or Busy for anything that may be over in a moment.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import obstore
from anyio import to_thread
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from app import tracing
from app.errors import AppError, Busy, NotFound, StorageFull
from app.figures import STORAGE_ERRORS
from app.observability import get_logger

log = get_logger(__name__)

DEADLINE_SECONDS = 10.0
CHECK_SECONDS = 3.0
PROBE = "ready/probe"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
FULL_SIGNS = ("StorageFull", "QuotaExceeded", "os error 28", "os error 122", "507 Insufficient Storage")


class BadStorageUrl(ValueError):
    """The address names no store, or one that would be spoken to in the clear. The message never repeats the address: it holds a secret."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One object of a listing."""

    key: str
    changed_at: datetime


class ObjectStore:
    """Made by `open_store`. `after_put` makes a write sure: on the disk, or read back and compared."""

    def __init__(self, backend: LocalStore | S3Store, after_put: Callable[[str, bytes], Awaitable[None]]) -> None:
        self._backend = backend
        self._after_put = after_put

    async def put(self, key: str, data: bytes) -> None:
        """Writes a new object whole, or raises and leaves at most an orphan. Raises StorageFull, Busy (also for a key that exists)."""
        async with _bounded("put"):
            await obstore.put_async(self._backend, key, data, mode="create", use_multipart=False)
            await self._after_put(key, data)

    async def get(self, key: str) -> bytes:
        """Raises NotFound, Busy."""
        async with _bounded("get"):
            found = await obstore.get_async(self._backend, key)
            return bytes(await found.bytes_async())

    async def exists(self, key: str) -> bool:
        try:
            async with _bounded("exists"):
                await obstore.head_async(self._backend, key)
        except NotFound:
            return False
        return True

    async def delete(self, key: str) -> None:
        """An object that is gone already is deleted: asking twice is no error. Raises Busy."""
        try:
            async with _bounded("delete"):
                await obstore.delete_async(self._backend, key)
        except NotFound:
            return

    async def listing(self, prefix: str, *, chunk: int = 500) -> AsyncIterator[list[Stored]]:
        """Objects below a folder, `chunk` at a time; each chunk has the deadline of one call. Raises Busy."""
        stream = obstore.list(self._backend, prefix, chunk_size=chunk)
        while True:
            async with _bounded("list"):
                page = await anext(stream, None)
            if page is None:
                return
            yield [Stored(entry["path"], entry["last_modified"]) for entry in page]

    async def check(self) -> None:
        """Writes one small object, for readiness: a folder that became read-only or full is not ready. Raises StorageFull, Busy."""
        async with _bounded("check", CHECK_SECONDS):
            await obstore.put_async(self._backend, PROBE, b"ready", use_multipart=False)

    async def aclose(self) -> None:
        """Lets go of the store's connections, which end with the last call that still uses them. No call may follow."""
        vars(self).clear()


def open_store(url: str) -> ObjectStore:
    """`file:///path` or `s3://KEY:SECRET@host[:port]/bucket?region=R&virtual_hosted=1&scheme=http`; key and secret percent-encoded.

    Plain HTTP is for stores on this machine only, where it is the default. Tencent COS wants `virtual_hosted=1` and the host without
    the bucket. Raises BadStorageUrl.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return _local(Path(unquote(parts.path)))
    if parts.scheme == "s3":
        return _bucket(parts)
    raise BadStorageUrl("XINXIN_STORAGE_URL is neither file:///path nor s3://KEY:SECRET@host/bucket")


def _local(root: Path) -> ObjectStore:
    root.mkdir(mode=0o700, parents=True, exist_ok=True)

    sure: set[tuple[Path, int]] = set()

    async def flush(key: str, data: bytes) -> None:
        await to_thread.run_sync(_sync, root, key, sure)

    return ObjectStore(LocalStore(root), flush)


def _sync(root: Path, key: str, sure: set[tuple[Path, int]]) -> None:
    """Brings a file and the folders that name it onto the disk: the row that will point to it survives a power cut, so must it.

    `sure`: folders, with their inodes, that are named on the disk already, up to the root; nothing here takes one away again.
    """
    _flush(root / key)
    named = set()
    for folder in (root / key).parents:
        this = folder, _flush(folder)
        if this in sure or folder == root:
            break
        named.add(this)
    sure |= named


def _flush(path: Path) -> int:
    """Returns the inode."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
        return os.fstat(handle).st_ino
    finally:
        os.close(handle)


def _bucket(parts: SplitResult) -> ObjectStore:
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    bucket, host = parts.path.strip("/"), parts.hostname or ""
    if not (bucket and "/" not in bucket and host and parts.username and parts.password):
        raise BadStorageUrl("XINXIN_STORAGE_URL needs KEY:SECRET@host/bucket after s3://")
    scheme = options.get("scheme", "http" if host in LOOPBACK else "https")
    if scheme not in ("http", "https") or (scheme == "http" and host not in LOOPBACK):
        raise BadStorageUrl("XINXIN_STORAGE_URL: photos do not leave this machine without TLS")
    virtual = options.get("virtual_hosted", "0") == "1"
    name = f"[{host}]" if ":" in host else host
    backend = S3Store(
        bucket,
        endpoint=f"{scheme}://{f'{bucket}.' if virtual else ''}{name}{f':{parts.port}' if parts.port else ''}",
        access_key_id=unquote(parts.username), secret_access_key=unquote(parts.password), region=options.get("region", "us-east-1"),
        virtual_hosted_style_request=virtual,
        client_options={"allow_http": scheme == "http", "connect_timeout": "2s", "timeout": "8s"},
        retry_config={
            "max_retries": 2, "retry_timeout": timedelta(seconds=8), "backoff": {"init_backoff": timedelta(milliseconds=100), "base": 2},
        },
    )

    async def compare(key: str, data: bytes) -> None:
        found = await obstore.get_async(backend, key)
        if bytes(await found.bytes_async()) != data:
            log.error("storage.differs", key=key)
            raise Busy

    return ObjectStore(backend, compare)


@asynccontextmanager
async def _bounded(operation: str, seconds: float = DEADLINE_SECONDS) -> AsyncIterator[None]:
    """Puts a deadline on a call and turns what the store throws into our refusals; the log gets the kind of error, never an address."""
    try:
        with tracing.span("storage", "client", {"storage.operation": operation}):
            async with asyncio.timeout(seconds):
                yield
    except FileNotFoundError as error:
        raise NotFound from error
    except (BaseError, OSError) as error:
        refusal = _refusal(error)
        STORAGE_ERRORS.labels(operation, refusal.code).inc()
        log.warning("storage.failed", operation=operation, error=type(error).__name__, code=refusal.code)
        raise refusal from error


def _refusal(error: Any) -> AppError:
    return StorageFull() if any(sign in str(error) for sign in FULL_SIGNS) else Busy()
