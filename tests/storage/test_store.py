"""One port over a local folder and a real S3 server: what is written is there, what is refused is one of our refusals."""

import asyncio
import secrets
import socket
from datetime import timedelta
from pathlib import Path

import pytest

from app import clock
from app.errors import Busy, NotFound, StorageFull
from app.storage import store as store_module
from app.storage.store import BadStorageUrl, ObjectStore, open_store


def fresh(prefix: str = "uploads") -> str:
    return f"{prefix}/{secrets.token_hex(8)}"


async def test_bytes_come_back_as_they_went(store: ObjectStore) -> None:
    key, data = fresh(), secrets.token_bytes(700_000)
    assert not await store.exists(key)
    await store.put(key, data)
    assert await store.exists(key)
    assert await store.get(key) == data


async def test_a_key_is_never_written_twice(store: ObjectStore) -> None:
    key = fresh()
    await store.put(key, b"first")
    with pytest.raises(Busy):
        await store.put(key, b"second")
    assert await store.get(key) == b"first"


async def test_of_many_writers_of_a_key_one_wins(store: ObjectStore) -> None:
    key = fresh()
    outcomes = await asyncio.gather(*(store.put(key, bytes([number])) for number in range(8)), return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 1
    assert all(outcome is None or isinstance(outcome, Busy) for outcome in outcomes)
    assert await store.get(key) == bytes([outcomes.index(None)])


async def test_what_is_not_there(store: ObjectStore) -> None:
    with pytest.raises(NotFound):
        await store.get(fresh())
    await store.delete(fresh())
    key = fresh()
    await store.put(key, b"x")
    await store.delete(key)
    await store.delete(key)
    assert not await store.exists(key)


async def test_listing_tells_keys_and_ages_in_pieces(store: ObjectStore) -> None:
    prefix = fresh("listed")
    keys = {f"{prefix}/{number:02d}" for number in range(7)}
    for key in keys:
        await store.put(key, b"x")
    pages = [page async for page in store.listing(prefix, chunk=3)]
    assert {found.key for page in pages for found in page} == keys
    assert max(len(page) for page in pages) <= 3
    assert all(abs(clock.now() - found.changed_at) < timedelta(minutes=1) for page in pages for found in page)
    assert [page async for page in store.listing(fresh("nothing"))] == []


async def test_check_writes_again_and_again(store: ObjectStore) -> None:
    await store.check()
    await store.check()


async def test_a_wrong_secret_is_refused_by_the_server(bucket: ObjectStore, s3_url: str) -> None:
    """The known-bad variant: a server that checks no signatures would let this pass, and the tests above would prove little."""
    stranger = open_store(s3_url.replace("tests-access:", "tests-access:wrong"))
    with pytest.raises(Busy):
        await stranger.check()
    with pytest.raises(Busy):
        await stranger.put(fresh(), b"x")


async def test_a_store_that_does_not_answer_is_busy_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = open_store(f"s3://a:b@127.0.0.1:{silent.getsockname()[1]}/photos")
        async with asyncio.timeout(2):
            with pytest.raises(Busy):
                async with store_module._bounded("get", 0.2):
                    await store.get("uploads/x")


async def test_a_lost_disk_is_busy_and_a_full_one_says_so(tmp_path: Path) -> None:
    root = tmp_path / "objects"
    store = open_store(f"file://{root}")
    root.rmdir()
    root.write_text("a file where the folder was")
    with pytest.raises(Busy):
        await store.check()
    assert isinstance(store_module._refusal(OSError("No space left on device (os error 28)")), StorageFull)


async def test_what_names_an_object_is_on_the_disk_before_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file and its folder each time; what names the folder, while the folder is new."""
    flushed: list[str] = []
    flush = store_module._flush

    def noted(path: Path) -> int:
        flushed.append(str(path.relative_to(tmp_path)))
        return flush(path)

    monkeypatch.setattr(store_module, "_flush", noted)
    store = open_store(f"file://{tmp_path}")
    for key, expected in (
        ("a/00/x", ["a/00/x", "a/00", "a", "."]), ("a/00/y", ["a/00/y", "a/00"]), ("a/11/x", ["a/11/x", "a/11", "a"]),
        ("b/00/x", ["b/00/x", "b/00", "b", "."]),
    ):
        flushed.clear()
        await store.put(key, b"x")
        assert flushed == expected
    (tmp_path / "a/00").rename(tmp_path / "gone")
    flushed.clear()
    await store.put("a/00/z", b"x")
    assert flushed == ["a/00/z", "a/00", "a"], "one that was made anew is new"


async def test_the_bucket_is_read_back(bucket: ObjectStore) -> None:
    """A store that says yes and keeps something else is found out before a row points to it."""
    key = fresh()
    with pytest.raises(Busy):
        await bucket._after_put(await _stored(bucket, key), b"what was sent")


async def _stored(store: ObjectStore, key: str) -> str:
    await store.put(key, b"what was kept")
    return key


@pytest.mark.parametrize(
    "url",
    [
        "", "ftp://host/x", "file://host/path", "file:relative", "s3://host/bucket", "s3://key@host/bucket", "s3://key:secret@host/",
        "s3://key:secret@host/a/b", "s3://key:secret@cos.ap-beijing.myqcloud.com/photos?scheme=http", "s3://key:secret@host/b?scheme=ftp",
    ],
)
def test_addresses_that_name_no_store_are_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(BadStorageUrl) as refused:
        open_store(url)
    assert "secret@" not in str(refused.value)


def test_a_folder_keeps_photos_from_other_users(tmp_path: Path) -> None:
    open_store(f"file://{tmp_path}/deep/objects")
    assert (tmp_path / "deep/objects").stat().st_mode & 0o077 == 0
