"""Which organisation fits a person: one table of counties, each with the one that is right, why, and what must not win over it."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app import clock
from app.enterprises.models import Enterprise, EnterpriseKind
from app.errors import NotFound
from app.organisations import matching, service
from app.organisations.models import Formation, Organisation
from tests.support.county import County

TODAY = clock.today()
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
EMPLOYER, OTHER = "employer", "other"


@dataclass(frozen=True)
class Row:
    """One organisation of a case: where, of which kind, whose, for which trades, how long."""

    area: str
    kind: str = "branch"
    of: str | None = None
    trades: tuple[str, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)


def dissolved(row: Row, on: Any = TODAY) -> Row:
    return Row(row.area, row.kind, row.of, row.trades, {"founded_on": YESTERDAY, "dissolved_on": on})


OWN = Row("other_community", of=EMPLOYER)
COURIERS, ALL_TRADES = Row("root", "trade_committee", trades=("courier", "streamer")), Row("root", "trade_committee")
TENANT = Row("root", "comprehensive_committee")
# What there is, oldest first; which of them is right for a courier of EMPLOYER in `grid` (None: none of them), and why.
CASES: dict[str, tuple[list[Row], int | None, str | None]] = {
    "nothing": ([], None, None),
    "kinds that take nobody in": ([Row("grid", "group"), Row("community", "group")], None, None),
    "the work area before the employer's": ([OWN, Row("street")], 1, "work_area"),
    "the work area before the trade": ([COURIERS, Row("street", "comprehensive_committee")], 1, "work_area"),
    "the deepest of the work area": ([Row("street"), Row("grid", "comprehensive_committee"), Row("community")], 1, "work_area"),
    "in one place a branch before a committee": (
        [Row("street", "comprehensive_committee"), Row("street", "mobile_branch")], 1, "work_area",
    ),
    "in one place the oldest branch": ([Row("street", "general_branch"), Row("street", "branch")], 0, "work_area"),
    "not one beside the work area": ([Row("other_community"), Row("other_grid")], None, None),
    "not an enterprise's own for the work area": ([Row("grid", of=OTHER)], None, None),
    "the employer's wherever in the tenant": ([OWN], 0, "enterprise"),
    "of the employer's the one on the path": ([OWN, Row("street", of=EMPLOYER)], 1, "enterprise"),
    "the employer's before the trade": ([COURIERS, OWN], 1, "enterprise"),
    "the employer's before the tenant's": ([TENANT, OWN], 1, "enterprise"),
    "not the employer's group": ([Row("grid", "group", of=EMPLOYER)], None, None),
    "the trade before the tenant's": ([Row("root"), COURIERS], 1, "trade"),
    "one that names the trade before one that names none": ([ALL_TRADES, COURIERS], 1, "trade"),
    "even one higher up": ([Row("street", "trade_committee"), COURIERS], 1, "trade"),
    "the deepest that names it": ([COURIERS, Row("street", "trade_committee", trades=("courier",))], 1, "trade"),
    "one that names none": ([Row("root", "trade_committee", trades=("streamer",)), ALL_TRADES], 1, "trade"),
    "not another trade's": ([Row("root", "trade_committee", trades=("streamer",))], None, None),
    "not an enterprise's trade committee": ([Row("root", "trade_committee", of=OTHER, trades=("courier",))], None, None),
    "not a trade committee beside the path": ([Row("other_community", "trade_committee", trades=("courier",))], None, None),
    "the tenant's own": ([TENANT], 0, "tenant"),
    "the tenant's branch before its committee": ([TENANT, Row("root")], 1, "tenant"),
    "not a dissolved one": ([dissolved(Row("grid")), dissolved(OWN), dissolved(COURIERS), dissolved(TENANT)], None, None),
    "one that will be dissolved tomorrow": ([dissolved(Row("grid"), TOMORROW)], 0, "work_area"),
    "not one that is founded tomorrow": ([Row("grid", more={"founded_on": TOMORROW})], None, None),
}


async def make(session, county: County, rows: list[Row]) -> tuple[list[Organisation], dict[str, UUID]]:
    firms = {}
    for number, name in enumerate((EMPLOYER, OTHER)):
        firm = Enterprise(
            name=name, uscc=f"91370899MA3C0000{number}X", kind=EnterpriseKind.DEPOT, area_id=county.root.id, area_path=county.root.path,
            tenant_id=county.root.id,
        )
        session.add(firm)
        await session.flush()
        firms[name] = firm.id
    made = []
    for row in rows:
        area = getattr(county, row.area)
        organisation = Organisation(
            name="组织", kind=row.kind, formation=Formation.JOINT, area_id=area.id, area_path=area.path,
            enterprise_id=firms[row.of] if row.of else None, trades=list(row.trades), **row.more,
        )
        session.add(organisation)
        await session.flush()
        made.append(organisation)
    return made, firms


@pytest.mark.parametrize("case", CASES)
async def test_who_fits_a_courier_of_the_grid(session, county, case: str) -> None:
    rows, right, why = CASES[case]
    made, firms = await make(session, county, rows)
    await service.ensure_root_committee(session, area=county.root)  # never matched
    found, reason = await matching.nearest(
        session, area_path=county.grid.path, enterprise_ids=[uuid4(), firms[EMPLOYER]], occupation="courier"
    )
    assert (made.index(found) if found else None, reason) == (right, why)


async def test_without_an_occupation_only_a_committee_for_all_trades_fits(session, county) -> None:
    (_, for_all), _ = await make(session, county, [COURIERS, ALL_TRADES])
    assert await matching.nearest(session, area_path=county.grid.path, enterprise_ids=[]) == (for_all, "trade")


async def test_at_the_tenant_itself_nothing_is_below(session, county) -> None:
    (own,), _ = await make(session, county, [Row("root")])
    assert await matching.nearest(session, area_path=county.root.path, enterprise_ids=[]) == (own, "tenant")
    with pytest.raises(NotFound):
        await matching.nearest(session, area_path="990000/", enterprise_ids=[])
