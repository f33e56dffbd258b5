"""Pure rules of photos: what a verdict may change, how long things live, what an erasure leaves."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from app.uploads.models import Checked

UNATTACHED_KEPT = timedelta(hours=24)
VERDICT_WITHIN = timedelta(minutes=35)  # WeChat pushes its result within 30 minutes
ASK_AGAIN_AFTER, ASK_WITHIN = timedelta(minutes=2), timedelta(minutes=20)
ORPHAN_AFTER = timedelta(hours=1)  # an object without a row is younger than this only while its request still runs
LINK_STEP, LINK_LIFE = timedelta(minutes=5), timedelta(minutes=10)
CHECK_LINK_LIFE = timedelta(hours=1)  # WeChat fetches within half an hour
# What an official made in the course of duty, proofs above all: they are the authority's records and outlive the account.
OFFICIAL_KINDS = frozenset({"report_after", "adjustment", "clawback", "reward", "announcement", "group"})
LABEL_LENGTH = 32


def link_expiry(now: datetime, life: timedelta = LINK_LIFE) -> int:
    """Seconds since 1970 at which a link made `now` dies: `life` after the 5-minute mark before it, the same for 5 minutes."""
    step = int(LINK_STEP.total_seconds())
    return int(now.timestamp()) // step * step + int(life.total_seconds())


def verdict(pushed: Mapping[str, Any]) -> tuple[Checked, str | None]:
    """WeChat's pushed result as a state and a label. A check that failed, or a word that we do not know, is for a person to look at."""
    result = pushed.get("result")
    if not isinstance(result, Mapping) or str(pushed.get("errcode", 0)) != "0":
        return Checked.REVIEW, None
    label = result.get("label")
    suggest = str(result.get("suggest"))
    state = Checked(suggest) if suggest in (Checked.PASS, Checked.REVIEW, Checked.RISKY) else Checked.REVIEW
    return state, None if label is None else str(label)[:LABEL_LENGTH]
