"""What is unusual between a clerk and a member, held against the normal of their own store. Pure.

Where something of the pair's verifications is counted, its chance is a binomial tail (`robust.tail`) whose probability is everybody
else's share of the same: a member's own rows never dilute what they are measured by. How often two meet is measured in robust spreads.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from app.collusion import robust
from app.collusion.facts import CLOSED, AtStore, Pair, Reason, Threshold, Thresholds, Use
from app.collusion.models import ReasonCode

SHIFT_PRIOR = 2.0  # so many average verifications are added to each half day: in a quiet one a single customer decides little
FEWEST_USES = 20  # of everybody else: with fewer, a store has no normal yet
FEWEST_PAIRS = 10
FEWEST_ELSEWHERE = 3  # of the member with other clerks: with fewer, nothing is known of a habit


@dataclass(frozen=True, slots=True)
class Between:
    """A pair with its own verifications, the member's at this store, and everybody else's."""

    at: AtStore
    pair: Pair
    own: list[Use]
    member: list[Use]

    @property
    def others(self) -> int:
        return len(self.at.standing) - len(self.member)


Feature = Callable[[Between, Threshold], Reason | None]


def at_store(at: AtStore, thresholds: Thresholds) -> dict[Pair, list[Reason]]:
    """Every pair of the store that shows something, with its reasons in the order of `ReasonCode`."""
    asked = [(feature, thresholds[code]) for code, feature in FEATURES.items() if code in thresholds]
    found = {}
    for pair, own in at.by_pair.items():
        between = Between(at, pair, own, at.by_member[pair[1]])
        reasons = [reason for feature, threshold in asked if (reason := feature(between, threshold)) is not None]
        if reasons:
            found[pair] = reasons
    return found


def pair_share(seen: Between, asked: Threshold) -> Reason | None:
    """The member meets this clerk more often than the clerk's part of the same half days explains.

    Each visit has a probability of its own: everybody else's share of the clerk in that half day, drawn towards the clerk's share of the
    store by `SHIFT_PRIOR`. So whoever always comes at noon and meets the clerk of noon is usual.
    """
    clerk, visits, met = seen.pair[0], len(seen.member), len(seen.own)
    if visits < asked.min_support or len(seen.at.of_clerk) < 2:
        return None
    overall = (seen.at.of_clerk[clerk] - met + 1) / (seen.others + len(seen.at.of_clerk))
    mine = Counter(use.shift for use in seen.member)
    mine_here = Counter(use.shift for use in seen.own)
    expected = sum(
        count
        * (seen.at.of_clerk_in_shift[clerk, shift] - mine_here[shift] + SHIFT_PRIOR * overall)
        / (seen.at.of_shift[shift] - count + SHIFT_PRIOR)
        for shift, count in mine.items()
    ) / visits
    unlikely = met >= visits * expected + 1 and robust.tail(met, visits, expected) <= asked.bound
    return Reason(ReasonCode.PAIR_SHARE, met / visits, expected, visits) if unlikely else None


def pair_frequency(seen: Between, asked: Threshold) -> Reason | None:
    """The pair meets `bound` robust spreads more often than the pairs of the store do (`robust.normal`)."""
    count = len(seen.own)
    if count < asked.min_support or len(seen.at.by_pair) < FEWEST_PAIRS or seen.at.often.spreads_above(count) < asked.bound:
        return None
    return Reason(ReasonCode.PAIR_FREQUENCY, count, seen.at.often.middle**2, count)


def quick(seen: Between, asked: Threshold) -> Reason | None:
    """Most orders of the pair are verified within `seconds` of being placed, which hardly anybody else's are.

    A spread of all times would not do: people order at the counter or the day before, and the MAD of two heaps is as wide as both.
    """
    within = asked.seconds or 0
    found = _more_often(seen, asked, lambda use: use.seconds <= within)
    if found is None:
        return None
    rest = median([use.seconds for use in seen.at.standing if use.member_id != seen.pair[1]])
    return Reason(ReasonCode.QUICK, median([use.seconds for use in seen.own]), rest, len(seen.own))


def odd_hours(seen: Between, asked: Threshold) -> Reason | None:
    """Most verifications of the pair lie in hours that have less than `rare` of everybody else's, or outside of the opening hours."""
    mine = Counter(use.hour for use in seen.member)
    rare = (asked.rare or 0) * seen.others
    odd = {hour for hour in mine if hour >= CLOSED or seen.at.of_hour[hour] - mine[hour] < rare}
    found = _more_often(seen, asked, lambda use: use.hour in odd)
    return None if found is None else Reason(ReasonCode.ODD_HOURS, *found, len(seen.own))


def shared_device(seen: Between, asked: Threshold) -> Reason | None:
    """Clerk and member signed in from one address and device, which few of the store's people share.

    What many share is the shop's own network, unless those who share it are all served by this one clerk: then it is one hand with many
    accounts, of which each may come once only.
    """
    clerk, member = (seen.at.origins.get(person, frozenset()) for person in seen.pair)
    shared = clerk & member
    told = shared - seen.at.common if len(seen.own) >= asked.min_support else frozenset()
    told |= {origin for origin in shared & seen.at.common if _one_hand(seen, origin, asked)}
    return Reason(ReasonCode.SHARED_DEVICE, len(told), 0, len(seen.own)) if told else None


def _one_hand(seen: Between, origin: bytes, asked: Threshold) -> bool:
    met, visits = seen.at.met_on[seen.pair[0], origin]
    rest = len(seen.at.standing) - visits
    if met < asked.min_support or rest < FEWEST_USES:
        return False
    expected = robust.share_of(seen.at.of_clerk[seen.pair[0]] - met, rest)
    return robust.tail(met, visits, expected) <= asked.bound


def store_staff(seen: Between, asked: Threshold) -> Reason | None:
    """The member works at a store, this one or another."""
    if seen.pair[1] not in seen.at.staff or len(seen.own) < asked.min_support:
        return None
    staff = sum(member in seen.at.staff for member in seen.at.by_member if member != seen.pair[1])
    return Reason(ReasonCode.STORE_STAFF, 1, staff / max(len(seen.at.by_member) - 1, 1), len(seen.own))


def typed_codes(seen: Between, asked: Threshold) -> Reason | None:
    """Most codes of the pair were typed, where everybody else shows a phone."""
    found = _more_often(seen, asked, lambda use: use.typed)
    return None if found is None else Reason(ReasonCode.TYPED_CODES, *found, len(seen.own))


def undo_loops(seen: Between, asked: Threshold) -> Reason | None:
    """Verifications of the pair are undone and made again."""
    return _events(ReasonCode.UNDO_LOOPS, seen, asked, seen.at.loops)


def old_tickets(seen: Between, asked: Threshold) -> Reason | None:
    """The clerk scanned tickets of the member that were used already or too old, as copies are."""
    return _events(ReasonCode.OLD_TICKETS, seen, asked, seen.at.refused)


def _more_often(seen: Between, asked: Threshold, is_one: Callable[[Use], bool]) -> tuple[float, float] | None:
    """(the pair's share, the normal one) of the verifications that are so, when the difference is no chance.

    The normal share is everybody else's at the store, or the member's own with its other clerks where that is more: a habit goes to
    every clerk, a ring to one.
    """
    if len(seen.own) < asked.min_support or seen.others < FEWEST_USES:
        return None
    hits = sum(map(is_one, seen.own))
    if hits < len(seen.own) * asked.least:
        return None
    mine = sum(map(is_one, seen.member))
    expected = robust.share_of(sum(map(is_one, seen.at.standing)) - mine, seen.others)
    elsewhere = len(seen.member) - len(seen.own)
    if elsewhere >= FEWEST_ELSEWHERE:
        expected = max(expected, robust.share_of(mine - hits, elsewhere))
    return (hits / len(seen.own), expected) if robust.tail(hits, len(seen.own), expected) <= asked.bound else None


def _events(code: ReasonCode, seen: Between, asked: Threshold, counted: Mapping[Pair, int]) -> Reason | None:
    """The same for what happens beside the verifications that stand."""
    hits = counted.get(seen.pair, 0)
    trials = len(seen.own) + hits
    if trials < asked.min_support or hits < max(trials * asked.least, 1):
        return None
    elsewhere = sum(count for pair, count in counted.items() if pair[1] != seen.pair[1])
    others = seen.others + elsewhere
    expected = robust.share_of(elsewhere, others)
    unlikely = others >= FEWEST_USES and robust.tail(hits, trials, expected) <= asked.bound
    return Reason(code, hits, expected * trials, trials) if unlikely else None


FEATURES: dict[ReasonCode, Feature] = {
    ReasonCode.PAIR_SHARE: pair_share, ReasonCode.PAIR_FREQUENCY: pair_frequency, ReasonCode.QUICK: quick, ReasonCode.ODD_HOURS: odd_hours,
    ReasonCode.SHARED_DEVICE: shared_device, ReasonCode.STORE_STAFF: store_staff, ReasonCode.TYPED_CODES: typed_codes,
    ReasonCode.UNDO_LOOPS: undo_loops, ReasonCode.OLD_TICKETS: old_tickets,
}
