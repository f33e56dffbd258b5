"""What the lens looks at, as values: verifications of one store, acceptances of one tenant, and what counts as unlikely. Pure."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from app.collusion.models import ReasonCode
from app.collusion.robust import Normal, normal

Pair = tuple[UUID, UUID]  # clerk, member
CLOSED = 24  # what is added to the hour of a verification at which the store was closed by its own hours
MOST_OF_A_DEVICE = 3  # more people of a store than that on one address and device: its own network, or a phone of a common kind


@dataclass(frozen=True, slots=True)
class Use:
    """A verification. `seconds` lie between placing and verifying; `shift` names the local half day, `hour` the local hour (+ CLOSED).

    `undone`: it was taken back, and counts in `AtStore.loops` alone.
    """

    clerk_id: UUID
    member_id: UUID
    order_id: UUID
    seconds: float
    shift: int
    hour: int
    typed: bool = False
    undone: bool = False

    @property
    def pair(self) -> Pair:
        return self.clerk_id, self.member_id


@dataclass(frozen=True, slots=True)
class Acceptances:
    """How many reports of a member one reviewer accepted in a community and a part of the day (`cell`)."""

    member_id: UUID
    reviewer_id: UUID
    cell: tuple[UUID, int]
    count: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """What one reason asks for; the fields are those of `CollusionThreshold`."""

    min_support: int
    bound: float
    least: float = 0.0
    seconds: int | None = None
    rare: float | None = None
    weight: int = 1


Thresholds = Mapping[ReasonCode, Threshold]


@dataclass(frozen=True, slots=True)
class Reason:
    """`observed` and `expected` are in the unit of the code: a share, seconds, or a count."""

    code: ReasonCode
    observed: float
    expected: float
    support: int


@dataclass(frozen=True)
class AtStore:
    """All about one store. `origins`: the keyed fingerprints of address and device from which its people signed in.

    `refused`: scans of tickets that were used already or too old, by pair.
    """

    uses: Sequence[Use]
    origins: Mapping[UUID, frozenset[bytes]] = field(default_factory=dict)
    staff: frozenset[UUID] = frozenset()
    refused: Mapping[Pair, int] = field(default_factory=dict)

    @cached_property
    def standing(self) -> list[Use]:
        return [use for use in self.uses if not use.undone]

    @cached_property
    def by_pair(self) -> dict[Pair, list[Use]]:
        found: dict[Pair, list[Use]] = defaultdict(list)
        for use in self.standing:
            found[use.pair].append(use)
        return dict(found)

    @cached_property
    def by_member(self) -> dict[UUID, list[Use]]:
        found: dict[UUID, list[Use]] = defaultdict(list)
        for use in self.standing:
            found[use.member_id].append(use)
        return dict(found)

    @cached_property
    def of_clerk(self) -> Counter[UUID]:
        return Counter(use.clerk_id for use in self.standing)

    @cached_property
    def of_shift(self) -> Counter[int]:
        return Counter(use.shift for use in self.standing)

    @cached_property
    def of_clerk_in_shift(self) -> Counter[tuple[UUID, int]]:
        return Counter((use.clerk_id, use.shift) for use in self.standing)

    @cached_property
    def of_hour(self) -> Counter[int]:
        return Counter(use.hour for use in self.standing)

    @cached_property
    def often(self) -> Normal:
        """How often pairs of this store meet."""
        return normal([len(uses) for uses in self.by_pair.values()])

    @cached_property
    def loops(self) -> Counter[Pair]:
        """Verifications that were undone and whose order was verified again, by pair."""
        again = {use.order_id for use in self.standing}
        return Counter(use.pair for use in self.uses if use.undone and use.order_id in again)

    @cached_property
    def people_of(self) -> dict[bytes, set[UUID]]:
        found: dict[bytes, set[UUID]] = defaultdict(set)
        for person, held in self.origins.items():
            for origin in held:
                found[origin].add(person)
        return dict(found)

    @cached_property
    def common(self) -> frozenset[bytes]:
        """Fingerprints of too many people, or of several clerks, to say anything of two of them."""
        clerks = self.of_clerk.keys()
        return frozenset(
            origin for origin, people in self.people_of.items() if len(people) > MOST_OF_A_DEVICE or len(people & clerks) > 1
        )

    @cached_property
    def met_on(self) -> dict[tuple[UUID, bytes], tuple[int, int]]:
        """By clerk and common fingerprint of the clerk's: how often the others who have it were served by the clerk, and at all."""
        found = {}
        for clerk_id in self.of_clerk:
            for origin in self.origins.get(clerk_id, frozenset()) & self.common:
                theirs = [use for person in self.people_of[origin] - {clerk_id} for use in self.by_member.get(person, ())]
                found[clerk_id, origin] = sum(use.clerk_id == clerk_id for use in theirs), len(theirs)
        return found
