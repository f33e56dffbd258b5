"""Settlements: the lines tie out with verifications minus undos, and each step is somebody's."""

import csv
import io
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app import clock
from app.redemptions import settling
from app.stores import queries as stores_queries
from tests.redemptions.conftest import Shop, code_of

THIS_MONTH = f"{clock.today():%Y-%m}"
LAST_MONTH = f"{clock.month_start(clock.today()) - timedelta(days=1):%Y-%m}"


async def verified(shop: Shop, reward: dict[str, Any], quantity: int = 1, *, last_month: bool = False) -> dict[str, Any]:
    order = await shop.order(reward, quantity)
    done = await shop.verify(order["code"])
    assert done.status_code == 200, done.text
    answer: dict[str, Any] = done.json()
    if last_month:
        days = (clock.today() - clock.month_start(clock.today())).days + 3
        await shop.move(answer["verification_id"], f"{days} days")
    return answer


def path(shop: Shop, month: str, command: str = "") -> str:
    return f"/stores/{shop.id}/settlements/{month}{command}"


async def test_the_running_month_is_open_and_ties_out(shop: Shop) -> None:
    reward = await shop.reward(settlement_cents=150)
    kept, undone = await verified(shop, reward, 3), await verified(shop, reward)
    await shop.post(shop.clerk, f"/redemptions/{undone['redemption_id']}/undo", {"reason": "拿错"})
    await shop.patch(shop.admin, f"/rewards/{reward['id']}", {"settlement_cents": 999})  # concerns later orders only
    month = (await shop.get(shop.owner, path(shop, THIS_MONTH))).json()
    assert (month["status"], month["count"], month["total_cents"], month["allowed"]) == ("open", 1, 450, [])
    assert [(line["verification_id"], line["cents"], line["quantity"]) for line in month["lines"]] == [(kept["verification_id"], 450, 3)]
    assert (await shop.get(shop.admin, path(shop, THIS_MONTH))).json()["total_cents"] == 450
    today = {"from": f"{clock.today()}", "to": f"{clock.today()}"}
    listed = (await shop.get(shop.owner, f"/stores/{shop.id}/verifications", **today)).json()
    assert sum(row["cents"] for row in listed["items"] if row["undone_at"] is None) == 450 and len(listed["items"]) == 2
    assert (await shop.get(shop.owner, f"/stores/{shop.id}/verifications", to="2026-01-01")).json()["items"] == []
    backwards = await shop.get(shop.owner, f"/stores/{shop.id}/verifications", **{"from": "2026-02-01", "to": "2026-01-01"})
    assert backwards.status_code == 422
    refused = await shop.post(shop.admin, path(shop, THIS_MONTH, "/close"))
    assert code_of(refused) == (409, "invalid_transition")


async def test_clerks_see_verifications_without_amounts_and_no_settlement(shop: Shop) -> None:
    await verified(shop, await shop.reward())
    row = (await shop.get(shop.clerk, f"/stores/{shop.id}/verifications")).json()["items"][0]
    assert row["cents"] is None and row["allowed"] == ["undo"] and row["clerk"]["id"] == str(shop.clerk.id)
    assert code_of(await shop.get(shop.clerk, path(shop, THIS_MONTH))) == (403, "forbidden")
    for who in (shop.rider, shop.other_clerk):
        assert code_of(await shop.get(who, path(shop, THIS_MONTH))) == (404, "not_found")
        assert code_of(await shop.get(who, f"/stores/{shop.id}/verifications")) == (404, "not_found")
        assert code_of(await shop.post(who, path(shop, LAST_MONTH, "/close"))) == (404, "not_found")
    for month in ("2026-13", "2026-1", "x", "0001-01"):
        assert code_of(await shop.get(shop.owner, path(shop, month))) == (422, "validation_error")


async def test_closed_confirmed_paid(shop: Shop) -> None:
    reward = await shop.reward()
    old = await verified(shop, reward, 2, last_month=True)
    await verified(shop, reward)
    assert (await shop.get(shop.admin, path(shop, LAST_MONTH))).json()["allowed"] == ["close", "correct"]
    assert code_of(await shop.post(shop.owner, path(shop, LAST_MONTH, "/close"))) == (403, "forbidden")
    assert code_of(await shop.post(shop.owner, path(shop, LAST_MONTH, "/confirm"))) == (409, "invalid_transition")
    closed = await shop.post(shop.admin, path(shop, LAST_MONTH, "/close"))
    assert closed.status_code == 200, closed.text
    month = closed.json()
    assert (month["status"], month["total_cents"], month["version"]) == ("closed", 200, 1) and month["confirm_by"] > f"{clock.today()}"
    assert [line["verification_id"] for line in month["lines"]] == [old["verification_id"]]
    assert code_of(await shop.post(shop.admin, path(shop, LAST_MONTH, "/close"))) == (409, "invalid_transition")
    for unseen in ({}, {"If-Match": '"9"'}):  # who may not give it hears so first
        assert code_of(await shop.post(shop.admin, path(shop, LAST_MONTH, "/confirm"), **unseen)) == (403, "forbidden")
    assert code_of(await shop.post(shop.admin, path(shop, LAST_MONTH, "/pay"), {"reference": "X"})) == (409, "invalid_transition")
    stale = await shop.post(shop.owner, path(shop, LAST_MONTH, "/confirm"), **{"If-Match": '"9"'})
    assert code_of(stale) == (412, "version_mismatch")
    assert (await shop.post(shop.owner, path(shop, LAST_MONTH, "/confirm"))).json()["status"] == "confirmed"
    paid = await shop.post(shop.admin, path(shop, LAST_MONTH, "/pay"), {"reference": "转账 0001"})
    assert (paid.json()["status"], paid.json()["payment_reference"], paid.json()["allowed"]) == ("paid", "转账 0001", [])
    told = await shop.sql("select title from message where member_id = :id", id=shop.owner.id)
    assert {row[0] for row in told} >= {"结算单待确认", "结算款已支付"}
    assert (await shop.get(shop.owner, path(shop, THIS_MONTH))).json()["count"] == 1


async def test_disputed_answered_confirmed(shop: Shop) -> None:
    done = await verified(shop, await shop.reward(), last_month=True)
    await shop.post(shop.admin, path(shop, LAST_MONTH, "/close"))
    lines, reason = [done["verification_id"]], "金额不对"
    foreign = await shop.post(shop.owner, path(shop, LAST_MONTH, "/dispute"), {"lines": [str(uuid4())], "reason": reason})
    assert code_of(foreign) == (422, "validation_error")
    body = {"lines": lines, "reason": reason}
    assert code_of(await shop.post(shop.admin, path(shop, LAST_MONTH, "/dispute"), body)) == (403, "forbidden")
    raised = await shop.post(shop.owner, path(shop, LAST_MONTH, "/dispute"), body)
    assert raised.json()["status"] == "disputed" and raised.json()["disputes"][0]["lines"] == lines
    assert code_of(await shop.post(shop.owner, path(shop, LAST_MONTH, "/answer"), {"note": "x"})) == (403, "forbidden")
    answered = await shop.post(shop.admin, path(shop, LAST_MONTH, "/answer"), {"note": "按约定"})
    assert answered.json()["status"] == "closed" and answered.json()["disputes"][0]["answer"] == "按约定"
    again = await shop.post(shop.owner, path(shop, LAST_MONTH, "/dispute"), {"lines": [], "reason": "少了一笔"})
    assert [(dispute["reason"], dispute["answer"]) for dispute in again.json()["disputes"]] == [("金额不对", "按约定"), ("少了一笔", None)]


async def test_silence_confirms_once_the_last_day_is_over(shop: Shop, run_job: Callable[..., Awaitable[None]]) -> None:
    await verified(shop, await shop.reward(), last_month=True)
    await shop.post(shop.admin, path(shop, LAST_MONTH, "/close"))
    today = "(clock_timestamp() at time zone 'Asia/Shanghai')::date"
    for shift, expected in ((f"{today}", "closed"), (f"{today} - 1", "confirmed")):
        await shop.sql(f"update settlement set confirm_by = {shift} where store_id = :id", id=UUID(shop.id))
        await run_job("settlement.silence")
        month = (await shop.get(shop.owner, path(shop, LAST_MONTH))).json()
        assert (month["status"], month["confirmed_by_silence"]) == (expected, expected == "confirmed")


async def test_what_a_closing_could_not_see_is_paid_in_the_next_one(shop: Shop) -> None:
    """A verification that commits after its month was closed belongs to no line yet."""
    reward = await shop.reward()
    await verified(shop, reward, last_month=True)
    await shop.post(shop.admin, path(shop, LAST_MONTH, "/close"))
    straggler = await verified(shop, reward, last_month=True)
    assert (await shop.get(shop.owner, path(shop, LAST_MONTH))).json()["count"] == 1
    late = (await shop.get(shop.owner, path(shop, THIS_MONTH))).json()
    assert [line["verification_id"] for line in late["lines"]] == [straggler["verification_id"]]


@pytest.mark.parametrize("format", ["csv", "xlsx", "pdf"])
async def test_a_settlement_leaves_as_a_file(shop: Shop, format: str) -> None:
    done = await verified(shop, await shop.reward(name="=cmd()"), 2)
    file = await shop.get(shop.owner, path(shop, THIS_MONTH), format=format)
    assert file.status_code == 200 and "attachment" in file.headers["content-disposition"]
    if format == "csv":
        rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))
        assert rows[1][1:] == [done["number"], "'=cmd()", "2", "2.0", done["verification_id"]] and rows[2][3:5] == ["2", "2.0"]
        assert ["状态", "", "未结算", "", "", ""] in rows and ["应付合计", "", "", "", "2.0", ""] in rows
    assert code_of(await shop.get(shop.owner, path(shop, THIS_MONTH), format="doc")) == (422, "validation_error")


async def test_a_download_is_written_down(shop: Shop) -> None:
    """Asked of the service: in a test, what a GET writes is undone with the reader's savepoint, which lies around it."""
    store = await stores_queries.get(shop.session, UUID(shop.id))
    settling.record_download(shop.session, store=store, month=clock.month_start(clock.today()), format="xlsx", whole_account=False)
    await shop.session.flush()
    written = await shop.sql("select facts from audit_event where action = 'settlement.download'")
    assert [row[0] for row in written] == [{"month": THIS_MONTH, "format": "xlsx", "whole_account": False}]
