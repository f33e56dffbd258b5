"""Templates as data: what fits, what is refused, who may; and that none of them, whatever comes, tells more than a glance may."""

import re
from typing import Any

import pytest

from app.messages import limits, queries
from app.messages.models import Category
from app.wechat.simulator.subscriptions import KINDS

API = "/api/v1/messages/templates"
MINE = "xinxin_report_progress"
FIELDS = {"thing1": "{title}", "character_string2": "{number}", "time3": "{at}"}


def change(**more: Any) -> dict[str, Any]:
    return {"category": "report", "title": "上报办理进度", "moment": "report_submitted", "fields": FIELDS} | more


@pytest.mark.parametrize(
    ("field", "fits"),
    [
        ({"thing1": "{title}"}, True), ({"character_string10": "{number}"}, True), ({"date1": "{at}"}, True), ({"phrase1": "已受理"}, True),
        ({"amount1": "¥10元"}, True), ({"phrase1": "{title}"}, False), ({"phrase1": "第3次"}, False),
        ({"character_string1": "{title}"}, False),
        ({"number1": "{number}"}, False), ({"time1": "{title}"}, False), ({"name1": "{title}"}, False), ({"thing1": "{body}"}, False),
        ({"thing1": "{title"}, False), ({"thing1": "党费"}, False),
        ({"thing1": "{title.upper}"}, False), ({"thing1": "{title!r}"}, False), ({"thing": "{title}"}, False),
        ({"enum1": "甲"}, False), ({"thing1": "入党进度：{title}"}, False), ({"thing1": "诉求办理"}, False),
    ],
)
def test_a_field_must_fit_whatever_comes(field: dict[str, str], fits: bool) -> None:
    assert bool(list(limits.problems(field))) is not fits


async def test_who_keeps_the_templates_sees_the_retired_ones_too(client, people) -> None:
    chief, rider = await people.console(stepped_up=True), await people.member()
    made = await client.put(f"{API}/tmpl_other_0001", json=change(), headers=chief.headers)
    assert made.status_code == 200, made.text
    everything = (await client.get(API, params={"retired": True}, headers=chief.headers)).json()
    assert {row["template_id"] for row in everything if not row["active"]} == {MINE}
    in_use = (await client.get(API, headers=rider.headers)).json()
    assert MINE not in {row["template_id"] for row in in_use} and all(row["active"] for row in in_use)
    refused = await client.get(API, params={"retired": True}, headers=rider.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


async def test_every_category_has_a_template_that_fits_and_tells_nothing(session) -> None:
    """Each value that could come of it is also one that the simulator, another's judgement, takes."""
    templates = {template.category: template for template in await queries.templates(session)}
    assert set(templates) == set(Category)
    for category, template in templates.items():
        assert not list(limits.problems(template.fields)) and not limits.discloses(template.title), category
        assert all(text in ("{title}", "{number}", "{at}") for text in template.fields.values()), "a body, a name, a reason never leave"
        assert await queries.moments(session, category=category)
        for title in limits.TITLES:
            for number in limits.NUMBERS:
                for at in limits.INSTANTS:
                    for value in limits.shown(template.fields, title=title, number=number, at=at):
                        assert re.fullmatch(KINDS[value.kind], value.value), value


async def test_the_administrator_replaces_a_template(client, people, session) -> None:
    admin, rider = await people.console(), await people.member()
    assert (await client.get(f"{API}/{MINE}", headers=rider.headers)).status_code == 403
    assert (await client.get(f"{API}/unknown_template", headers=rider.headers)).status_code == 404
    assert (await client.put(f"{API}/{MINE}", json=change(), headers=rider.headers)).status_code == 403
    seen = (await client.get(f"{API}/{MINE}", headers=admin.headers)).json()
    assert (seen["quiet_from"], seen["quiet_until"], seen["version"], seen["active"]) == ("22:00", "07:00", 1, True)
    assert {moment["code"]: moment["usefulness"] for moment in seen["moments"]} == {
        "report": 2, "report_emergency": 2, "report_progress": 1, "report_result": 2,
    }
    told = change(
        title="办理结果", quiet_from="23:00", quiet_until="06:30", moments=[{"code": "report_result", "usefulness": 5, "urgent": True}]
    )
    made = await client.put(f"{API}/Xn0-from_the_console", json=told, headers=admin.headers)
    assert made.status_code == 200, made.text
    assert (made.json()["version"], made.json()["quiet_until"]) == (1, "06:30")
    assert {"code": "report_result", "title": "上报：结果与请评价", "usefulness": 5, "urgent": True} in made.json()["moments"]
    former = (await client.get(f"{API}/{MINE}", headers=admin.headers)).json()
    assert (former["active"], former["version"]) == (False, 2)
    listed = (await client.get(API, headers=rider.headers)).json()
    assert [row["template_id"] for row in listed if row["category"] == "report"] == ["Xn0-from_the_console"]
    late = await client.put(f"{API}/{MINE}", json=change(), headers=admin.headers | {"If-Match": '"1"'})
    assert (late.status_code, late.json()["code"]) == (412, "version_mismatch")


async def test_what_wechat_would_refuse_is_not_saved(client, people) -> None:
    admin = await people.console()
    bad = change(fields={"thing1": "{title}", "phrase2": "{title}", "foo3": "x"})
    refused = await client.put(f"{API}/{MINE}", json=bad, headers=admin.headers)
    assert refused.status_code == 422 and [error["loc"] for error in refused.json()["errors"]] == [
        ["body", "fields", "phrase2"], ["body", "fields", "foo3"],
    ]
    for wrong in (
        {"category": "points"}, {"title": "入党进度"}, {"moments": [{"code": "points", "usefulness": 1, "urgent": False}]},
        {"quiet_from": "24:00"}, {"fields": {}},
    ):
        assert (await client.put(f"{API}/{MINE}", json=change(**wrong), headers=admin.headers)).status_code == 422, wrong


async def test_a_preview_shows_what_the_phone_would(client, people) -> None:
    admin, rider = await people.console(), await people.member()

    async def preview(**asked: Any) -> Any:
        return await client.post(f"{API}/{MINE}/preview", json=asked, headers=admin.headers)

    shown = (await preview(title="您反映的问题已受理并且派给了网格员处理", number="R20261122-000017", at="2026-11-24T02:00:00Z")).json()
    assert {row["key"]: (row["value"], row["cut"]) for row in shown["values"]} == {
        "thing1": ("您反映的问题已受理并且派给了网格员处理", False), "character_string2": ("R20261122-000017", False),
        "time3": ("2026年11月24日 10:00", False),
    }
    long = {row["key"]: row for row in (await preview(title="长" * 30)).json()["values"]}
    assert long["thing1"]["value"] == "长" * 17 + "…" and long["thing1"]["cut"] and long["character_string2"]["value"] == "-"
    assert (await preview(title="您已成为入党积极分子")).json()["title"] == "上报办理进度"
    assert (await preview(fields={"phrase1": "{title}"})).status_code == 422
    other = (await preview(fields={"thing5": "{title}"}, title="好")).json()["values"]
    assert [(row["key"], row["value"]) for row in other] == [("thing5", "好")]
    assert (await client.post(f"{API}/{MINE}/preview", json={}, headers=rider.headers)).status_code == 403
