"""What the process does in which photos are developed (`darkroom`). It alone loads the decoders, which take 7 MB and read what strangers
have made; of the service it knows no more than what a picture is."""

import resource
import signal
from collections.abc import Callable
from dataclasses import replace

from app.uploads.developed import Picture, damaged

MEMORY_BYTES = 1024 * 1024 * 1024
Developer = Callable[[bytes], Picture]


def cleaned(data: bytes) -> Picture:
    """Raises UnsupportedMediaType, ValidationFailed."""
    from app.uploads import pictures  # by this process alone, as above

    return pictures.clean(data)


def settle() -> None:
    """A signal to the whole group is for the API, which finishes what it has; this process ends when nobody writes to it any more."""
    from app.uploads import pictures  # noqa: F401 - loaded before the first photo comes

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))


def develop(developer: Developer, data: bytes) -> Picture:
    """The file itself does not travel back. Raises what `developer` raises."""
    settle()
    try:
        picture = developer(data)
    except MemoryError as error:
        raise damaged() from error
    return replace(picture, sent=replace(picture.sent, data=b"")) if picture.sent else picture
