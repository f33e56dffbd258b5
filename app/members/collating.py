"""The alphabetical order of people: by the pinyin of their full names. Pure, but for a table that is read once.

PostgreSQL cannot do it: the embedded one comes without ICU, and names stand sealed there.
"""

from functools import cache
from pathlib import Path
from uuid import UUID

from app.members import masking

READINGS = Path(__file__).with_name("pinyin.txt")
Key = tuple[bool, tuple[str, ...], str, UUID]
# Family names that are read otherwise than their characters mostly are.
FAMILY = {
    "薄": "bo", "卜": "bu", "秘": "bi", "种": "chong", "都": "du", "盖": "ge", "隗": "wei", "乐": "yue", "缪": "miao", "乜": "nie",
    "区": "ou", "朴": "piao", "繁": "po", "覃": "qin", "仇": "qiu", "单": "shan", "召": "shao", "折": "she", "员": "yun", "曾": "zeng",
    "查": "zha", "翟": "zhai", "祭": "zhai", "解": "xie", "洗": "xian", "尉迟": "yu chi", "万俟": "mo qi", "澹台": "tan tai",
    "单于": "chan yu",
}


def key(name: str | None, member_id: UUID) -> Key:
    """By the pinyin of the full name, then its mask, then the id; who gave no name comes last."""
    return (False, syllables(name), masking.mask_name(name), member_id) if name else (True, (), "", member_id)


def syllables(name: str) -> tuple[str, ...]:
    """王小明 → wang, xiao, ming. What is no Chinese character stands for itself, in lower case; spaces and dots count for nothing."""
    family = name[:2] if name[:2] in FAMILY and len(name) > 2 else name[:1]
    first = FAMILY[family].split() if family in FAMILY else [_read(char) for char in family]
    return (*first, *(_read(char) for char in name[len(family) :] if not char.isspace() and char not in "·•."))


def _read(char: str) -> str:
    return _readings().get(char, char.casefold())


@cache
def _readings() -> dict[str, str]:
    """42,000 characters in some ten milliseconds; a process that sorts nobody never reads them."""
    found: dict[str, str] = {}
    for line in READINGS.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            syllable, characters = line.split(" ")
            found.update(dict.fromkeys(characters, syllable))
    return found
