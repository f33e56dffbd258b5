"""Routing rules over HTTP: what may be said, who may say it, what is kept of it."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.audit.models import AuditEvent
from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.units import queries_rules
from tests.units.conftest import Office


async def test_a_rule_is_made_changed_and_taken_back(office: Office) -> None:
    unit, other = await office.unit(), await office.unit("二队")
    made = await office.rule(unit, category_code="road_hole", priority=7)
    assert made == {
        "id": made["id"], "category": {"code": "road_hole", "name": "路面坑洞"}, "priority": 7, "valid_until": None, "active": True,
        "area": {"id": str(office.county.street.id), "name": "测试街道"}, "unit": {"id": unit["id"], "name": unit["name"]},
        "valid_from": clock.today().isoformat(), "version": 1, "allowed": ["update", "delete"],
    }
    path = f"/routing-rules/{made['id']}"
    changed = await office.done(office.admin, "PATCH", path, {"unit_id": other["id"]}, **{"If-Match": '"1"'})
    assert (changed["unit"]["id"], changed["priority"], changed["version"]) == (other["id"], 7, 2)
    late: list[tuple[str, dict[str, Any] | None]] = [("PATCH", {"priority": 1}), ("DELETE", None)]
    for method, body in late:
        assert await office.refused(office.admin, method, path, body, **{"If-Match": '"1"'}) == (412, "version_mismatch")
    await office.done(office.admin, "DELETE", path, None, **{"If-Match": '"2"'})
    assert (await office.done(office.admin, "GET", "/routing-rules"))["items"] == []
    [kept] = (await office.done(office.admin, "GET", "/routing-rules?active=false"))["items"]
    assert (kept["id"], kept["version"], kept["allowed"]) == (made["id"], 3, ["update"])
    trail = await office.people.session.exec(
        sa.select(col(AuditEvent.action), col(AuditEvent.facts)).where(col(AuditEvent.object_kind) == "routing_rule")
        .order_by(col(AuditEvent.id))
    )
    told = [(row.action, row.facts["unit_id"], row.facts["version"]) for row in trail.all()]
    assert told == [
        ("routing_rule.create", unit["id"], 1), ("routing_rule.update", other["id"], 2), ("routing_rule.delete", other["id"], 3)
    ]


async def test_what_a_rule_may_say(office: Office) -> None:
    county, unit = office.county, await office.unit()
    idle = await office.unit("停用")
    await office.done(office.admin, "PATCH", f"/units/{idle['id']}", {"active": False})
    aside = await office.unit("旁边", area_id=county.other_community.id)
    right = {"area_id": str(county.community.id), "unit_id": unit["id"], "category_code": "road_hole"}
    yesterday = (clock.today() - timedelta(days=1)).isoformat()
    wrong: list[dict[str, object]] = [
        {"category_code": "no_such"}, {"unit_id": str(new_id())}, {"unit_id": idle["id"]}, {"unit_id": aside["id"]}, {"priority": 1001},
        {"valid_until": yesterday}, {"weight": 1},
    ]
    for change in wrong:
        assert await office.refused(office.admin, "POST", "/routing-rules", right | change) == (422, "validation_error"), change
    made = await office.done(office.admin, "POST", "/routing-rules", right)
    assert await office.refused(office.admin, "POST", "/routing-rules", right) == (409, "already_exists")
    await office.done(office.admin, "POST", "/routing-rules", right | {"priority": 1})
    path = f"/routing-rules/{made['id']}"
    unfit: list[dict[str, object]] = [
        {"valid_until": yesterday}, {"unit_id": aside["id"]}, {"priority": None}, {"category_code": "bin_overflow"}
    ]
    for change in unfit:
        assert await office.refused(office.admin, "PATCH", path, change) == (422, "validation_error"), change
    assert await office.refused(office.admin, "PATCH", path, {"priority": 1}) == (409, "already_exists")


async def test_who_may_say_it(office: Office) -> None:
    county, people = office.county, office.people
    unit = await office.unit(area_id=county.root.id)
    above, there = await office.rule(unit), await office.rule(unit, area_id=county.other_community.id)
    body = {"area_id": str(county.street.id), "unit_id": unit["id"], "priority": 3}
    assert [one["id"] for one in (await office.done(office.reviewer, "GET", "/routing-rules"))["items"]] == [above["id"]]
    assert await office.refused(office.reviewer, "POST", "/routing-rules", body) == (403, "forbidden")
    assert await office.refused(office.reviewer, "PATCH", f"/routing-rules/{above['id']}", {"priority": 1}) == (403, "forbidden")
    assert await office.refused(office.reviewer, "DELETE", f"/routing-rules/{there['id']}") == (404, "not_found")
    lower = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.community.id)])
    assert await office.refused(lower, "DELETE", f"/routing-rules/{above['id']}") == (403, "forbidden")
    await office.done(lower, "POST", "/routing-rules", body | {"area_id": str(county.community.id)})
    for other in await office.outsiders():
        assert await office.refused(other, "GET", "/routing-rules") == (403, "forbidden")
        assert await office.refused(other, "POST", "/routing-rules", body) == (403, "forbidden")
        assert await office.refused(other, "DELETE", f"/routing-rules/{above['id']}") == (404, "not_found")


async def test_only_rules_in_force_count(office: Office) -> None:
    session, place, today = office.people.session, office.county.grid.path, clock.today()
    unit, other = await office.unit(), await office.unit("二队")

    async def to() -> str | None:
        found = await queries_rules.routed(session, category_code="road_hole", area_path=place)
        return str(found.unit.id) if found else None

    assert await to() is None, "a county works without any rule"
    later: dict[str, Any] = {"valid_from": (today + timedelta(days=1)).isoformat()}
    over: dict[str, Any] = {"valid_from": (today - timedelta(days=9)).isoformat(), "valid_until": (today - timedelta(days=1)).isoformat()}
    await office.rule(unit, **later)
    await office.rule(unit, **over)
    assert await to() is None
    last_day = await office.rule(unit, valid_until=today.isoformat())
    assert await to() == unit["id"], "the last day is included"
    narrow = await office.rule(other, category_code="road_hole")
    assert await to() == other["id"]
    found = await queries_rules.routed(session, category_code="road_hole", area_path=place)
    assert found is not None and found.why == "测试街道的“路面坑洞”由二队负责" and str(found.rule_id) == narrow["id"]
    await office.done(office.admin, "PATCH", f"/units/{other['id']}", {"active": False})
    assert await to() == unit["id"], "a unit out of service gets nothing"
    await office.done(office.admin, "DELETE", f"/routing-rules/{last_day['id']}")
    assert await to() is None
