"""What is looked for in the sentences of reports: by which pairs of characters, and whether a sentence really holds it. Pure."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

NUMBER = re.compile(r"R?([0-9]{8})-?([0-9]{6})")
TAIL = re.compile(r"-?([0-9]{6})")


@dataclass(frozen=True, slots=True)
class Sought:
    """`number` is a whole one, and then the only thing that is looked for; `tail` is the end of one, which is found beside the words."""

    words: tuple[str, ...]
    number: str | None = None
    tail: str | None = None

    @property
    def pairs(self) -> set[str]:
        return pairs(self.words)


def sought(typed: str) -> Sought:
    """What somebody typed, as words that all have to be there. A word of one character narrows what the others find."""
    whole = unicodedata.normalize("NFKC", typed).strip().upper()
    number, tail = NUMBER.fullmatch(whole), TAIL.fullmatch(whole)
    words = tuple(word for part in whole.split() if (word := bare(part)))
    return Sought(words, f"R{number[1]}-{number[2]}" if number else None, tail[1] if tail else None)


def bare(text: str) -> str:
    """The letters and digits alone: however wide they were typed, in whatever case, with whatever stands between them."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(filter(str.isalnum, folded))


def pairs(texts: Iterable[str]) -> set[str]:
    """All neighbours: words of two characters, such as 井盖, have to be found."""
    return {one + other for text in texts for one, other in pairwise(bare(text))}


def holds(sought: Sought, texts: Iterable[str]) -> bool:
    """Each word stands in one of the sentences; its pairs may be there without it."""
    bared = [bare(text) for text in texts]
    return all(any(word in text for text in bared) for word in sought.words)
