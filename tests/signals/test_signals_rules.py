"""When something is a signal, at its boundaries."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.signals import workflow
from app.signals.models import SignalKind
from app.signals.workflow import Alike, Before, Evidence, Photo, sentence, signals

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
METRE = 1 / 111_195  # of latitude, in degrees
LNG, LAT = 116.72, 35.52
NOTHING = Evidence(AT, (LNG, LAT))
DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)


def away(metres: float) -> tuple[float, float]:
    return LNG, LAT + metres * METRE


def photo(**told: Any) -> Evidence:
    return replace(NOTHING, photos=[Photo(AT), Photo(AT, **told)])


def moved(metres: float, ago: timedelta) -> Evidence:
    return replace(NOTHING, before=[Before(AT - ago, away(metres)), Before(AT - 9 * DAY, away(9_000_000))])


def at_spot(*metres: float) -> Evidence:
    return replace(NOTHING, before=[Before(AT - DAY * (number + 1), away(one)) for number, one in enumerate(metres)])


def alike(**changes: Any) -> Alike:
    return replace(Alike("R20261120-000007", 12, same_file=False, turned=False, mirrored=False), **changes)


@pytest.mark.parametrize(
    ("kind", "silent", "telling"),
    [
        ("old_photo", photo(taken_at=AT - DAY), photo(taken_at=AT - DAY - SECOND)),
        ("old_photo", photo(taken_at=AT + 5 * MINUTE), photo(taken_at=AT + 5 * MINUTE + SECOND)),
        ("far_from_photo", photo(place=away(299)), photo(place=away(301))),
        ("impossible_speed", moved(19_900, 10 * MINUTE), moved(20_100, 10 * MINUTE)),
        ("impossible_speed", moved(1_990, SECOND), moved(2_010, SECOND)),
        ("many_of_one_spot", at_spot(49), at_spot(49, 49)), ("many_of_one_spot", at_spot(49, 51), at_spot(0, 49)),
        ("same_point_many_people", replace(NOTHING, people=2), replace(NOTHING, people=3)),
        ("same_photo", replace(NOTHING, alike=[alike()]), replace(NOTHING, alike=[alike(same_file=True)])),
        ("near_photo", replace(NOTHING, alike=[alike(same_file=True)]), replace(NOTHING, alike=[alike(distance=31)])),
    ],
)
def test_each_rule_at_its_boundary(kind: str, silent: Evidence, telling: Evidence) -> None:
    assert SignalKind(kind) not in signals(silent) and SignalKind(kind) in signals(telling)


def test_an_ordinary_report_gives_no_signal() -> None:
    ordinary = replace(
        NOTHING, photos=[Photo(AT, AT - timedelta(minutes=3), away(40))], before=[Before(AT - timedelta(hours=1), away(8_000))], people=1
    )
    assert signals(ordinary) == {} == signals(NOTHING)


def test_facts_hold_no_person_and_no_place() -> None:
    seen = Evidence(
        AT, (LNG, LAT), photos=[Photo(AT, AT - 3 * DAY, away(900))], alike=[alike(same_file=True, distance=0), alike(mirrored=True)],
        before=[Before(AT - MINUTE, away(4_000)), Before(AT - DAY, away(1)), Before(AT - DAY, away(2))], people=4, risk_rank=3,
    )
    found = signals(seen)
    assert list(found) == list(SignalKind), "all at once, in their order"
    allowed = {"report", "photos", "distance", "turned", "mirrored", "minutes", "metres", "reports", "people", "rank"}
    assert {name for facts in found.values() for name in facts} == allowed
    assert found[SignalKind.FAR_FROM_PHOTO] == {"metres": 900} and found[SignalKind.IMPOSSIBLE_SPEED] == {"metres": 4000, "minutes": 1}


def test_every_signal_is_a_chinese_sentence() -> None:
    facts = {
        "report": "R20261120-000007", "photos": 1, "distance": 12, "turned": True, "mirrored": False, "minutes": 2_000, "metres": 900,
        "reports": 3, "people": 4, "rank": 3,
    }
    told = {kind: sentence(kind, facts) for kind in SignalKind}
    assert len(set(told.values())) == len(SignalKind) and all(text.endswith("。") for text in told.values())
    assert told[SignalKind.NEAR_PHOTO] == "照片旋转后与上报 R20261120-000007 的照片高度相似（相差 12/256）。"
    assert "另一件上报" in sentence(SignalKind.SAME_PHOTO, facts | {"report": None})
    assert "晚于" in sentence(SignalKind.OLD_PHOTO, facts | {"minutes": -9})


def test_speed_asks_for_the_last_report_only() -> None:
    """The one before it may lie anywhere."""
    assert workflow.impossible_speed(moved(100, 10 * MINUTE)) is None
