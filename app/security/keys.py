"""The key ring: master keys from the settings (or generated once into DATA_DIR/keys.json), and one derived key per purpose.

A ring is read when a process starts, its first key makes, all of them read. So a key is changed in steps between which every process
is started again: `app/rotation/service.py` has them.
"""

import base64
import binascii
import json
import os
import secrets
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.settings import SAMPLE_MARK, Settings, UnsafeSettings

KEY_BYTES = 32


@lru_cache(maxsize=256)
def derive(master: bytes, purpose: str, size: int = KEY_BYTES) -> bytes:
    """HKDF-SHA-256 (RFC 5869) with the purpose as `info`: a leak of one purpose's key tells nothing of another's."""
    return HKDF(algorithm=hashes.SHA256(), length=size, salt=None, info=f"xinxin:{purpose}".encode()).derive(master)


@dataclass(frozen=True, eq=False)
class MasterKeys:
    """Named masters, newest first: the first makes, all of them read. Each ring's are its own, so that what is found for them is kept."""

    keys: dict[str, bytes]

    @property
    def active(self) -> str:
        return next(iter(self.keys))

    def of(self, purpose: str, kid: str | None = None, size: int = KEY_BYTES) -> bytes | None:
        master = self.keys.get(kid or self.active)
        return None if master is None else derive(master, purpose, size)

    def current(self, purpose: str, size: int = KEY_BYTES) -> bytes:
        return derive(self.keys[self.active], purpose, size)


@dataclass(frozen=True)
class KeyRing:
    """`secret` signs tokens, links and tickets; `field` seals personal data, by `cipher`, and keys its blind indexes."""

    secret: MasterKeys
    field: MasterKeys
    cipher: str = "aes-256-gcm"


def load(settings: Settings) -> KeyRing:
    """Raises UnsafeSettings for a key that is short, malformed, a sample in production, or the same in both rings."""
    kept = {} if settings.secret_keys and settings.field_keys else _generated(settings.data_dir)
    ring = KeyRing(parse(settings.secret_keys or kept["secret"]), parse(settings.field_keys or kept["field"]), settings.field_cipher)
    if set(ring.secret.keys.values()) & set(ring.field.keys.values()):
        raise UnsafeSettings("XINXIN_SECRET_KEYS and XINXIN_FIELD_KEYS share a key: each purpose needs its own")
    return ring


def parse(text: str) -> MasterKeys:
    keys: dict[str, bytes] = {}
    for part in text.split(","):
        kid, _, encoded = part.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error) as error:
            raise UnsafeSettings("a key is not base64") from error
        if not kid or len(kid) > 16 or len(key) < KEY_BYTES or len(set(key)) < 8 or SAMPLE_MARK in kid:
            raise UnsafeSettings(f"key {kid!r}: each key is a short name, a colon and 32 random bytes in base64")
        if keys.setdefault(kid, key) != key:
            raise UnsafeSettings(f"key {kid!r} stands there twice with different bytes: values are found by the name of their key")
    return MasterKeys(keys)


def fresh(kid: str) -> str:
    """A new key as the settings take it. Raises UnsafeSettings for a name that no ring takes."""
    made = f"{kid}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"
    parse(made)
    return made


def _generated(data_dir: Path) -> dict[str, str]:
    """Makes keys.json (mode 0600) at the first start; replicas that share the folder read the same file."""
    path = data_dir / "keys.json"
    data_dir.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        made = {name: fresh("k1") for name in ("secret", "field")}
        draft = data_dir / f"keys.json.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(made))
        try:
            os.link(draft, path)  # fails when another process was first: then its keys hold
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    loaded: dict[str, str] = json.loads(path.read_text())
    return loaded
