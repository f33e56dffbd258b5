"""What `rotate-keys` says at its end: which key still has how many values, what may be removed, what could not be made again."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from app.rotation.fields import RUN_OUT
from app.rotation.service import Turn
from app.security.keys import KeyRing
from app.security.sealing import Under

NAMED = 50  # rows of one table that are named; of more, the number


def failures(turns: Sequence[Turn]) -> Iterator[str]:
    """The rows that need a person: by table and primary key, which names nobody."""
    for turn in turns:
        for words, keys in (("cannot be made again", turn.failed), ("was held by others all the time", turn.missed)):
            yield from (f"{turn.place.table} {' '.join(map(str, key))}: {words}" for key in keys[:NAMED])
            if len(keys) > NAMED:
                yield f"{turn.place.table}: and {len(keys) - NAMED} more"


def counts(found: Mapping[str, Counter[Under]]) -> Iterator[str]:
    for column, made in sorted(found.items()):
        shown = ", ".join(f"{under}: {count}" for under, count in sorted(made.items(), key=lambda item: str(item[0])))
        yield f"{column:<40} {shown or 'empty'}"


def verdict(found: Mapping[str, Counter[Under]], ring: KeyRing) -> tuple[list[str], bool]:
    """A line for every key and cipher that is not the active one, and whether nothing is left under any."""
    total: Counter[Under] = sum(found.values(), Counter())
    active = Under(ring.field.active, ring.cipher)
    left: Counter[str] = Counter()
    for under, count in total.items():
        if under != active:
            left[str(under) if under.kid in (active.kid, "?") else under.kid] += count
    former = [kid for kid in ring.field.keys if kid != active.kid]
    names = [*former, *sorted(set(left) - set(former))]
    lines = [f"{name}: {left[name]} left" + ("" if left[name] else ": may be removed") for name in names]
    if former and not any(left[kid] for kid in former):
        lines += [f"  without it: {kind.without}{_after(kind.days)}" for kind in RUN_OUT]
    return [f"{active}: {total[active]}", *lines], not any(left.values())


def _after(days: int) -> str:
    return f" (wait {days} day after every process has begun with the new key)" if days else ""
