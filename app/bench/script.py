"""What was recorded, made into something that can be played again: for each bound value, where another request gets its own from.

Nothing is told by hand of any statement. Two requests of one kind are recorded, with what was given to each; a value comes from what was
given, from an earlier answer of the database, or is fresh, and a rule counts only if it explains both recordings. So it stays true
when the service's SQL changes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app.bench.recorded import Recording, Sent
from app.bench.sources import (
    Answered,
    Constant,
    FreshDigest,
    FreshHex,
    FreshId,
    FromGiven,
    Inside,
    Moment,
    Pieces,
    Several,
    Source,
    document,
    leaves,
)

Given = Mapping[str, Any]
DIGEST_BYTES = 32
NEAR = 0.1  # a number so close to a given one is taken to be reckoned from it
SAME = 1e-9
TELLING = 12  # a text so long does not occur twice by chance
# Ids, keys and digests, the folder and the name of an object, numbers of cases.
TOKEN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=/)[0-9a-f]{2}(?=/[0-9a-f]{30})|[0-9a-f]{30,}|[A-Z]\d{8}-\d{6}")
PING = ("BEGIN;", ";", "ROLLBACK;")


class Unlike(Exception):
    """The two recordings are not of the same statements, or a second playing would not send what was recorded."""


@dataclass(frozen=True, slots=True)
class Step:
    """One round trip. `bound`: the sources of each set of arguments; none at all for plain text. `rows`: something must come back."""

    statement: str
    bound: tuple[tuple[Source, ...], ...]
    types: tuple[str, ...]
    connection: int
    rows: bool
    many: bool


@dataclass(frozen=True, slots=True)
class Script:
    """The steps of one request; `answer` is the service's own, whose length and shape every answer has."""

    steps: tuple[Step, ...]
    answer: bytes
    status: int
    fresh_ids: int = 0
    digests: int = 0
    hexes: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """A recording with what was given to its request."""

    recording: Recording
    given: Given

    @property
    def sent(self) -> list[Sent]:
        return without_pings(self.recording.sent)


def without_pings(sent: Sequence[Sent]) -> list[Sent]:
    """A pool's question whether a connection still lives is no statement of the operation; it is ours to pay for."""
    kept: list[Sent] = []
    for one in sent:
        kept.append(one)
        if tuple(each.statement for each in kept[-len(PING) :]) == PING:
            del kept[-len(PING) :]
        elif one.statement == ";":
            if kept[-2:-1] and kept[-2].statement == "BEGIN;":
                continue
            kept.pop()
    return kept


def verbatim(recording: Recording) -> Script:
    """For what only reads: the same values every time."""
    return Script(
        tuple(_step(one, tuple(tuple(map(Constant, each)) for each in one.bound)) for one in without_pings(recording.sent)),
        recording.answer, recording.status,
    )


def learned(first: Taken, second: Taken) -> Script:
    """Raises Unlike."""
    one, other = first.sent, second.sent
    if [each.statement for each in one] != [each.statement for each in other]:
        raise Unlike(_difference(one, other))
    learner = _Learner(first, second, one, other)
    steps = tuple(learner.step(number) for number in range(len(one)))
    fresh = learner.fresh
    return Script(
        steps, first.recording.answer, first.recording.status, len(fresh[FreshId]), len(fresh[FreshDigest]), len(fresh[FreshHex])
    )


def _difference(one: Sequence[Sent], other: Sequence[Sent]) -> str:
    pairs = zip(one, other, strict=False)
    at = next((f"{a.statement[:200]} | {b.statement[:200]}" for a, b in pairs if a.statement != b.statement), "one is longer")
    return f"{len(one)} and {len(other)} statements: {at}"


def _step(sent: Sent, bound: tuple[tuple[Source, ...], ...]) -> Step:
    writes = not sent.statement.lstrip().lower().startswith("select")
    return Step(sent.statement, bound, sent.types, sent.connection, writes and bool(sent.rows), sent.many)


@dataclass
class _Learner:
    first: Taken
    second: Taken
    one: Sequence[Sent]
    other: Sequence[Sent]
    fresh: dict[type, dict[tuple[Any, Any], int]] = field(default_factory=lambda: {FreshId: {}, FreshDigest: {}, FreshHex: {}})

    def step(self, number: int) -> Step:
        one, other = self.one[number], self.other[number]
        if len(one.bound) != len(other.bound):
            raise Unlike(f"{len(one.bound)} and {len(other.bound)} sets for {one.statement[:200]}")
        pairs = zip(one.bound, other.bound, strict=True)
        return _step(one, tuple(tuple(self.source(number, a, b) for a, b in zip(*pair, strict=True)) for pair in pairs))

    def source(self, step: int, a: Any, b: Any) -> Source:
        if isinstance(a, list | tuple) and isinstance(b, list | tuple) and len(a) == len(b):
            return Several(tuple(self.source(step, *pair) for pair in zip(a, b, strict=True)))
        if _telling(a) or not _same(a, b):
            found = self._known(step, a, b)
            if found is not None:
                return found
        if _same(a, b) or type(a) is not type(b):
            return Constant(a)
        return self._made(step, a, b)

    def _known(self, step: int, a: Any, b: Any) -> Source | None:
        """What was given, or an earlier answer: whatever explains both."""
        for name, given in self.first.given.items():
            theirs = self.second.given[name]
            if _same(given, a) and _same(theirs, b):
                return FromGiven(name)
            if isinstance(a, float) and isinstance(given, float) and abs(a - given) < NEAR and abs((a - given) - (b - theirs)) < SAME:
                return FromGiven(name, a - given)
        return next((at for at, ours, theirs in self._cells(step) if _same(ours, a) and _same(theirs, b)), None)

    def _cells(self, before: int) -> Iterator[tuple[Answered, Any, Any]]:
        for number, (one, other) in enumerate(zip(self.one[:before], self.other[:before], strict=True)):
            for row, (ours, theirs) in enumerate(zip(one.rows, other.rows, strict=False)):
                for column, name in enumerate(one.columns):
                    yield Answered(number, row, column, name), ours[column], theirs[column]

    def _elsewhere(self, before: int, a: UUID, b: UUID) -> Answered | None:
        """A column of an earlier answer, from which the service chose one row now and another then: a lot that has points left, say."""
        for number, (one, other) in enumerate(zip(self.one[:before], self.other[:before], strict=True)):
            for column, name in enumerate(one.columns):
                rows = [row for row, cells in enumerate(one.rows) if _same(cells[column], a)]
                if rows and any(_same(cells[column], b) for cells in other.rows):
                    return Answered(number, rows[0], column, name)
        return None

    def _inside(self, step: int, a: UUID | str, b: UUID | str) -> Inside | None:
        """Of a list, the service may have chosen one now and another then."""
        for cell, ours, theirs in self._cells(step):
            others = {_name(path) for path, leaf in leaves(document(theirs)) if leaf == str(b)}
            for path, leaf in leaves(document(ours)) if others else ():
                if leaf == str(a) and _name(path) in others:
                    return Inside(cell, path, isinstance(a, UUID))
        return None

    def _made(self, step: int, a: Any, b: Any) -> Source:
        if isinstance(a, UUID | str):
            inside = self._inside(step, a, b)
            if inside is not None:
                return inside
        if isinstance(a, UUID):
            moved = self._elsewhere(step, a, b)
            if moved is not None:
                return moved
            asked = self.one[step].statement.lstrip().lower().startswith("select") and (a, b) not in self.fresh[FreshId]
            return Constant(a) if asked else FreshId(self._number(FreshId, a, b))
        if isinstance(a, datetime):
            return Moment(a - self.first.recording.at)
        if isinstance(a, bytes):
            if len(a) == len(b) == DIGEST_BYTES:
                return FreshDigest(self._number(FreshDigest, a, b))
            if a[:1] == b[:1] == b"{":
                return self._pieces(step, a.decode(), b.decode(), binary=True) or Constant(a)
        if isinstance(a, str):
            return self._pieces(step, a, b) or Constant(a)
        return Constant(a)

    def _pieces(self, step: int, a: str, b: str, *, binary: bool = False) -> Pieces | None:
        """None when the two texts differ by more than by such values."""
        ours, theirs = list(TOKEN.finditer(a)), list(TOKEN.finditer(b))
        if not ours or TOKEN.split(a) != TOKEN.split(b):
            return None
        parts: list[Source] = []
        for rest, one, other in zip(TOKEN.split(a), ours, theirs, strict=False):
            parts += [Constant(rest), self._token(step, one[0], other[0])]
        return Pieces((*parts, Constant(a[ours[-1].end() :])), binary)

    def _token(self, step: int, a: str, b: str) -> Source:
        known = self._known(step, a, b)
        if known is not None or a == b:
            return known or Constant(a)
        if len(a) == 36 and a[8] == "-":
            return self.source(step, UUID(a), UUID(b))
        if re.fullmatch("[0-9a-f]+", a):
            return FreshHex(self._number(FreshHex, a, b), len(a))
        return Constant(a)

    def _number(self, kind: type, a: Any, b: Any) -> int:
        known = self.fresh[kind]
        return known.setdefault((a, b), len(known))


def _name(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    return tuple("[]" if isinstance(part, int) else part for part in path)


def _same(a: Any, b: Any) -> bool:
    """The driver has a kind of UUID of its own."""
    return (type(a) is type(b) or (isinstance(a, UUID) and isinstance(b, UUID))) and bool(a == b)


def _telling(value: Any) -> bool:
    return isinstance(value, UUID | datetime) or (isinstance(value, str | bytes) and len(value) >= TELLING)
