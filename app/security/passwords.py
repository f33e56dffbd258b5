"""Console passwords: Argon2id in the PHC string format, hashed in a thread, two at a time."""

import os
import unicodedata
from functools import cache

from anyio import CapacityLimiter, to_thread
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from app.errors import RateLimited

MEMORY_KIB, PASSES, LANES = 19 * 1024, 2, 1  # reliability.md 4.4, the floor of OWASP's advice
LIMITER = CapacityLimiter(2)
QUEUE = 60  # some two seconds of work; who comes later hears 429 instead of waiting
SHORTEST, SHORTEST_IN_PRODUCTION, LONGEST = 8, 15, 128
DIFFERENT = 6
# What people choose when fifteen characters are asked for. Compared without digits, signs and case.
COMMON = frozenset({
    "password", "passwordpassword", "admin", "adminadmin", "administrator", "qwerty", "qwertyuiop", "qwertyuiopasdfghjkl", "letmein",
    "iloveyou", "woaini", "woainiwoaini", "woaizhongguo", "zhongguo", "changeme", "welcome", "xinxin", "xinxinxiangdang", "xiangdang",
    "yanzhou", "jining", "shandong", "shehuigongzuobu", "liangxingongwei", "abc", "abcabc", "aaa", "test", "root", "mima",
})


def weakness(password: str, *, username: str, production: bool) -> str | None:
    """Why a new password is not taken, as a sentence; None when it is. No composition rules: length and no common words."""
    shortest = SHORTEST_IN_PRODUCTION if production else SHORTEST
    if not shortest <= len(password) <= LONGEST:
        return f"密码长度应为 {shortest} 至 {LONGEST} 个字符"
    if not production:
        return None
    letters = "".join(char for char in password.casefold() if char.isalpha())
    if len(set(password)) < DIFFERENT or letters in COMMON or username.casefold() in password.casefold():
        return "密码过于常见，请换一个更长、更难猜的"
    return None


def _bytes(password: str) -> bytes:
    """One form for characters that keyboards encode in different ways."""
    return unicodedata.normalize("NFKC", password).encode()


def _hash(password: str) -> str:
    return Argon2id(
        salt=os.urandom(16), length=32, iterations=PASSES, lanes=LANES, memory_cost=MEMORY_KIB
    ).derive_phc_encoded(_bytes(password))


@cache
def _dummy() -> str:
    return _hash(os.urandom(16).hex())


def _matches(password: str, phc: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(_bytes(password), phc)
    except InvalidKey:
        return False
    return True


def _matches_or_dummy(password: str, phc: str | None) -> bool:
    dummy = _dummy()  # made by whoever comes first, known or unknown
    known = _matches(password, phc or dummy)
    return known and phc is not None


async def hash_password(password: str) -> str:
    return await to_thread.run_sync(_hash, password, limiter=LIMITER)


async def matches(password: str, phc: str | None) -> bool:
    """False for an unknown user too (`phc` is None), after the same work: the time tells nothing. Hold no connection meanwhile.

    Raises RateLimited when too many wait for their turn.
    """
    if LIMITER.statistics().tasks_waiting >= QUEUE:
        raise RateLimited(retry_after=2)
    return await to_thread.run_sync(_matches_or_dummy, password, phc, limiter=LIMITER)
