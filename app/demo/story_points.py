"""Points as a story: two persons give and take, caps keep back and say why, a debt is settled first, and every line explains itself."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from app import clock
from app.demo import names, people, photos, plan
from app.demo.arriving import arrive
from app.demo.telling import Person, Teller, fresh_key

GIVEN, RESCUE_POINTS = 30, 300
RULE = "REPORT_ACCEPTED"


@dataclass
class Saving:
    """What the steps hand on to each other. The rider is new in every run; the two administrators are the demo's."""

    teller: Teller
    rider: Person = field(default_factory=lambda: Person(f"骑手-{secrets.token_hex(4)}"))
    maker: Person = field(default_factory=lambda: Person(people.ADMINS[0]))
    checker: Person = field(default_factory=lambda: Person(people.ADMINS[1]))
    order: dict[str, Any] = field(default_factory=dict)

    def proposed(self, kind: str, body: dict[str, Any]) -> str:
        """One administrator proposes, with a reason and a proof; returns the path of the proposal."""
        proof = self.teller.upload(self.maker, "proof.jpg", photos.drawn(photos.AFTER))
        made = self.teller.post(self.maker, f"/points/{kind}", body | {"upload_id": proof["id"]}, status=201, key=fresh_key())
        self.teller.same(made["status"], "pending", "待另一人审批")
        return f"/points/{kind}/{made['id']}"

    def granted(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Proposed by one, approved by the other."""
        decided: dict[str, Any] = self.teller.post(self.checker, f"{self.proposed(kind, body)}/approve")
        self.teller.same(decided["status"], "approved", "审批结果")
        return decided

    def points(self, *, available: int, held: int, debt: int) -> dict[str, Any]:
        standing: dict[str, Any] = self.teller.get(self.rider, "/points/me")
        found = (standing["available"], standing["held"], standing["debt"])
        self.teller.same(found, (available, held, debt), "可用、冻结、欠缴积分")
        self.teller.same(sum(one["amount"] for one in standing["expiring"]), available, "各到期日合计等于可用积分")
        return standing

    @property
    def newest(self) -> dict[str, Any]:
        line: dict[str, Any] = self.teller.get(self.rider, "/points/me/entries", limit=1)["items"][0]
        self.teller.true(bool(line["reason"]), f"明细说明：{line['reason']}")
        return line


def rehearse(story: Saving) -> None:
    """The rules are data: a change is tried on last quarter's real events before anybody makes it."""
    teller = story.teller
    arrive(teller, story.rider)
    for one in (story.maker, story.checker):
        teller.enter(one)
    rules = {rule["code"]: rule for rule in teller.get(story.rider, "/points/rules")["items"]}
    teller.same((rules[RULE]["points"], rules[RULE]["per_day"]), (10, 5), "上报受理的分值和每日次数")
    county = next(one for one in teller.get(story.maker, "/members/me")["grants"] if one["role"] == "area_admin")
    change = {"points": 12, "per_day": 5, "per_month": 60, "area_id": county["scope_id"]}
    tried = teller.post(story.maker, f"/points/rules/{RULE}/dry-run", change)
    teller.true(tried["credited_then"] >= tried["credited_now"], f"上季度 {tried['events']} 件，若改为 12 分将多发的积分")
    after = {rule["code"]: rule for rule in teller.get(story.rider, "/points/rules")["items"]}
    teller.same(after[RULE]["version"], rules[RULE]["version"], "试算不改规则，版本仍为")


def give(story: Saving) -> None:
    """A change by hand takes two persons, a reason and a proof; whoever proposed it cannot approve it."""
    teller = story.teller
    path = story.proposed("adjustments", {"member_id": story.rider.account_id, "amount": GIVEN, "reason": "线下活动补记，见签到表"})
    teller.same(teller.post(story.maker, f"{path}/approve", status=403)["code"], "forbidden", "申请人自己审批被拒")
    teller.post(story.checker, f"{path}/approve")
    story.points(available=GIVEN, held=0, debt=0)
    line = story.newest
    last_day = date(clock.today().year + 1, 3, 31).isoformat()
    teller.same(line["expires"], [{"amount": GIVEN, "on": last_day}], "这笔积分何时失效")


def cap(story: Saving) -> None:
    """A rescue brings 300 points; the day's cap lets 200 of them through and says why the rest was not credited."""
    teller = story.teller
    body = {"member_id": story.rider.account_id, "rule_code": "RESCUE", "points": RESCUE_POINTS, "reason": "街道核实：送落水儿童就医"}
    granted = story.granted("awards", body)
    found = granted["outcome"]
    teller.same((found["credited"], found["withheld"], found["code"]), (200, 100, "global_day_cap"), "入账、未入账、原因")
    judged = teller.get(story.rider, "/points/me/awards")["items"][0]
    teller.same((judged["credited"], judged["withheld"], judged["status"]), (200, 100, "capped"), "骑手看到的判定")
    teller.true(bool(judged["reason"]), f"未入账的原因：{judged['reason']}")
    standing = story.points(available=GIVEN + 200, held=0, debt=0)
    teller.same((standing["earned_12_months"], standing["level"]), (200, 2), "近 12 个月获得积分和等级")


def take_back(story: Saving) -> None:
    """The rescue was not one: exactly what was given is taken back. What an order holds is not touched; what is missing becomes a debt."""
    teller, rider = story.teller, story.rider
    water = next(one for one in teller.get(rider, "/rewards", limit=100)["items"] if one["name"] == names.WATER)
    story.order = teller.post(rider, "/redemptions", {"reward_id": water["id"], "quantity": 1}, status=201)
    lines = teller.get(rider, "/points/me/entries")["items"]
    earned = next(line for line in lines if line["kind"] == "earn")
    story.granted("clawbacks", {"entry_id": earned["id"], "reason": "经核实不属实"})
    story.points(available=GIVEN - plan.WATER_POINTS, held=plan.WATER_POINTS, debt=0)
    story.granted("adjustments", {"member_id": rider.account_id, "amount": -GIVEN, "reason": "补记有误，冲回"})
    story.points(available=0, held=plan.WATER_POINTS, debt=plan.WATER_POINTS)


def settle(story: Saving) -> None:
    """The order is cancelled: what comes back settles the debt first. The lines sum up to the balances."""
    teller, rider = story.teller, story.rider
    teller.post(rider, f"/redemptions/{story.order['id']}/cancel")
    story.points(available=0, held=0, debt=0)
    teller.same(story.newest["debt_settled"], plan.WATER_POINTS, "退回的积分先抵扣欠缴")
    lines = teller.get(rider, "/points/me/entries", limit=100)["items"]
    teller.same((sum(line["amount"] for line in lines), sum(line["held"] for line in lines)), (0, 0), "明细合计等于余额")


def publish(story: Saving) -> None:
    """An employer's running month has totals and only who agreed; the last quarter's list names by the alphabet, never by points."""
    teller = story.teller
    firms = teller.get(story.maker, "/enterprises", limit=100)["items"]
    employer = next(one for one in firms if one["name"] == names.ENTERPRISES[0][0])
    shown = teller.get(story.maker, f"/enterprises/{employer['id']}/statements/{clock.today():%Y-%m}")
    teller.same((shown["status"], len(shown["lines"])), ("open", shown["members_listed"]), "本月对账单状态和列名人数")
    year, quarter = _last_quarter(clock.today())
    listed = teller.get(story.rider, f"/points/publicity/{year}-q{quarter}")
    teller.true(all("*" in one["name"] for one in listed["items"]), f"{year} 年第 {quarter} 季度公示，姓名均已脱敏")


def _last_quarter(day: date) -> tuple[int, int]:
    before = (day.month - 1) // 3
    return (day.year, before) if before else (day.year - 1, 4)


STEPS: tuple[tuple[str, Callable[[Saving], None]], ...] = (
    ("规则与试算", rehearse), ("两人加分", give), ("封顶说明", cap), ("收回与欠缴", take_back), ("先抵欠缴", settle),
    ("对账与公示", publish),
)
