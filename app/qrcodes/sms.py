"""The text with which a secretary invites by SMS. Pure."""

from collections.abc import Iterator, Sequence

LIMIT = 70  # characters of one SMS in Chinese: an SMS counts UTF-16 units
SIGNATURE = "【新新】"
NAME_LIMITS = (40, 24, 16, 10)


def text(*, name: str, code: str, links: Sequence[str]) -> str:
    """One SMS with the shortest of the links; with the code to type, and as much of the inviter's name, as there is room for."""
    link = min(links, key=len)
    return next((draft for draft in _drafts(name, code, link) if length(draft) <= LIMIT), link)


def length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _drafts(name: str, code: str, link: str) -> Iterator[str]:
    """From the fullest to the barest. A space ends the link: phones take what follows as a part of it otherwise."""
    for ending in (f" 邀请码{code}", ""):
        for most in NAME_LIMITS:
            yield f"{SIGNATURE}{_cut(name, most)}邀您登记（自愿）：{link}{ending}"
    yield f"{SIGNATURE}邀您登记（自愿）：{link}"


def _cut(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
