"""Masks, aliases, and which work relations end, go on and begin."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid4

import pytest

from app.members import masking, workflow


@pytest.mark.parametrize(
    ("name", "masked"), [("张三", "张*"), ("欧阳娜娜", "欧阳*"), ("欧阳", "欧*"), ("买买提·吐尔逊", "买*"), ("王", "*"), ("Smith", "S*")]
)
def test_names_show_the_family_alone(name: str, masked: str) -> None:
    assert masking.mask_name(name) == masked


def test_phones_show_three_and_four() -> None:
    assert masking.mask_phone("13800138000") == "138****8000"


def test_aliases_are_stable_and_tell_people_apart() -> None:
    one = UUID("01933c5e-7a00-7000-8000-0000000abcde")
    assert masking.alias(one) == masking.alias(one) == "小哥NF6Y"
    assert masking.alias(UUID(int=one.int + 1)) != masking.alias(one)


@dataclass(frozen=True)
class Told:
    enterprise_id: UUID | None = None
    name: str | None = None
    since: date | None = None


def test_employers_are_compared_by_enterprise_or_by_written_name() -> None:
    meituan, depot = uuid4(), uuid4()
    present = [Told(meituan), Told(name="老王货运"), Told(depot)]
    change = workflow.compare(present, [Told(meituan, since=date(2026, 3, 1)), Told(name="老王货运"), Told(name="闪送"), Told(name="闪送")])
    assert change.ended == [2]
    assert [(at, employer.since) for at, employer in change.kept] == [(0, date(2026, 3, 1)), (1, None)]
    assert change.begun == [Told(name="闪送")]


def test_a_relation_never_ends_before_it_began() -> None:
    assert workflow.last_day(date(2026, 12, 1), date(2026, 11, 24)) == date(2026, 12, 1)
    assert workflow.last_day(None, date(2026, 11, 24)) == date(2026, 11, 24)
