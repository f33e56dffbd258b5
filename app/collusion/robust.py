"""The few statistics that the lens rests on. Pure, exact, and deaf to outliers: those are what is looked for.

Sources: Hampel (1974), The influence curve and its role in robust estimation (median and MAD); Iglewicz and Hoaglin (1993), How to
detect and handle outliers (3.5 spreads); Anscombe (1948), The transformation of Poisson data (the square root makes counts equally
wide); Hoeffding (1956), On the distribution of the number of successes in independent trials (the binomial as the upper bound).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, log1p, sqrt
from statistics import median

MAD_TO_SPREAD = 1.4826  # 1 / Φ⁻¹(3/4): so that the MAD of a normal distribution is its standard deviation
LEAST_SPREAD = 0.5  # the standard deviation of the square root of a Poisson count: counts that are all alike are not exact


@dataclass(frozen=True, slots=True)
class Normal:
    """Where the square roots of counts lie, and how wide."""

    middle: float
    spread: float

    def spreads_above(self, count: float) -> float:
        return (sqrt(count) - self.middle) / self.spread


def normal(counts: Sequence[float]) -> Normal:
    """median √count, and 1.4826 · median |√count − median|, which is never taken for less than a count's own spread.

    Whoever is measured may be among them: up to half of all may be outliers before either figure follows them.
    """
    roots = [sqrt(count) for count in counts]
    middle = median(roots)
    return Normal(middle, max(MAD_TO_SPREAD * median([abs(root - middle) for root in roots]), LEAST_SPREAD))


def share_of(hits: float, trials: float) -> float:
    """(hits + 1) / (trials + 2), Laplace's rule of succession: what nobody has done yet is rare and not impossible."""
    return (hits + 1) / (trials + 2)


def tail(hits: int, trials: int, share: float) -> float:
    """P(X ≥ hits) of a binomial, Σ C(n,i) pⁱ (1−p)ⁿ⁻ⁱ.

    With a different probability in every trial and `share` their mean, it is an upper bound whenever hits ≥ n·p + 1 (Hoeffding 1956):
    the true probability is smaller still, so that nobody is told of by the approximation.
    """
    if hits <= 0 or share >= 1:
        return 1.0
    if share <= 0:
        return 0.0
    rest, chance = log1p(-share), log(share)
    terms = (
        exp(lgamma(trials + 1) - lgamma(i + 1) - lgamma(trials - i + 1) + i * chance + (trials - i) * rest)
        for i in range(hits, trials + 1)
    )
    return min(sum(terms), 1.0)
