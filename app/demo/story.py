"""The main loop as one story: a rider signs in, registers, reports, earns points and spends them at a shop; the books tie out."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from app import clock
from app.demo import names, people, photos, plan, story_points, story_reporting, story_seeking, story_shopping, story_telling
from app.demo.arriving import arrive
from app.demo.telling import Person, Teller, fresh_key

T = TypeVar("T")
CATEGORY, REPORT_TEXT = "bin_overflow", "路口的垃圾桶满了，垃圾散落在非机动车道上"
NEWS = ("上报已受理", "上报已派单", "上报处理中", "上报已处置", "请评价处理结果")


@dataclass
class Story:
    """What the steps hand on to each other. Every run has a rider of its own, so it can be told again on the same server."""

    teller: Teller
    rider: Person = field(default_factory=lambda: Person(f"骑手-{secrets.token_hex(4)}"))
    community: plan.AreaPlan = field(default_factory=lambda: plan.of_level("community")[0])
    staff: dict[str, Person] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    order: dict[str, Any] = field(default_factory=dict)
    verified: dict[str, Any] = field(default_factory=dict)
    store_id: str = ""

    @property
    def spot(self) -> tuple[float, float]:
        return self.community.middle

    @property
    def shop(self) -> plan.StorePlan:
        """A shop that sells water."""
        return plan.stores()[plan.water().stores[0]]

    def command(self, who: Person, name: str, body: dict[str, Any], *, leads_to: str) -> None:
        """A command on the report, by somebody who has seen its present version."""
        path = f"/reports/{self.report['id']}/{name}"
        self.report = self.teller.post(who, path, body, version=self.report["version"])
        self.teller.same(self.report["status"], leads_to, "上报状态")

    def points(self, *, available: int, held: int) -> None:
        standing = self.teller.get(self.rider, "/points/me")
        self.teller.same((standing["available"], standing["held"], standing["debt"]), (available, held, 0), "可用、冻结、欠缴积分")


def tell(teller: Teller) -> None:
    """Walks through all steps. Raises Different at the first that does not go as it should."""
    _walk(teller, STEPS, Story(teller))
    _walk(teller, story_reporting.STEPS, story_reporting.Reporting(teller))
    _walk(teller, story_points.STEPS, story_points.Saving(teller))
    _walk(teller, story_shopping.STEPS, story_shopping.Shopping(teller))
    _walk(teller, story_seeking.STEPS, story_seeking.Seeking(teller))
    _walk(teller, story_telling.STEPS, story_telling.Telling(teller))


def _walk(teller: Teller, steps: Sequence[tuple[str, Callable[[T], None]]], story: T) -> None:
    for title, step in steps:
        teller.heading(title)
        step(story)


def sign_in(story: Story) -> None:
    """The rider signs in with a WeChat code, binds a phone, gives consent; the staff sign in."""
    teller, rider = story.teller, story.rider
    arrive(teller, rider)
    story.points(available=0, held=0)
    street = plan.by_code()[story.community.parent or plan.COUNTY_CODE]
    cast = {
        "reviewer": people.reviewer(story.community), "second_reviewer": people.reviewer(street), "worker": people.worker(story.community),
        "clerk": people.clerk(story.shop), "owner": people.owner(story.shop),
        "secretary": people.secretary(names.ORGANISATIONS[names.CODE_OF][0]),
    }
    for part, name in cast.items():
        story.staff[part] = Person(name)
        teller.same(teller.enter(story.staff[part])["created"], False, f"{name} 是演示人员")


def register(story: Story) -> None:
    """The rider scans the 双找 code of a poster and registers."""
    teller, rider = story.teller, story.rider
    codes = teller.get(story.staff["secretary"], "/qrcodes", limit=100)["items"]
    code = next((one for one in codes if one["purpose"] == "registration" and one["active"]), None)
    teller.true(code is not None, "书记名下有双找登记码")
    assert code is not None
    scanned = teller.get(None, f"/qrcodes/{code['scene']}")
    organisation = names.ORGANISATIONS[names.CODE_OF][0]
    teller.same(scanned["target"]["name"], organisation, "扫码打开的党组织")
    lng, lat = story.spot
    chain = teller.get(None, "/areas/locate", lng=lng, lat=lat, crs="gcj02")
    community = next(area for area in _items(chain) if area["level"] == "community")
    teller.same(community["name"], story.community.name, "所在社区")
    made = teller.post(
        rider, "/registrations",
        {
            "scene": code["scene"], "real_name": "李小满", "occupation": "food_delivery", "work_area_id": community["id"],
            "employers": [{"name": "骑行生活配送站"}], "political_status": "masses",
        },
        status=201,
    )
    found = (made["status"], made["direction"], made["organisation"]["name"])
    teller.same(found, ("active", "org_seeks_member", organisation), "登记状态、方向、党组织")
    teller.same(teller.get(rider, "/members/me")["registration"]["number"], made["number"], "个人资料里的登记号")


def _items(answer: Any) -> list[Any]:
    """A list, or the items of a page."""
    return list(answer["items"] if isinstance(answer, dict) else answer)


def report(story: Story) -> None:
    """The rider photographs an overflowing bin and reports it; the phone sends the same again, as phones do."""
    teller, rider = story.teller, story.rider
    photo = teller.upload(rider, "bin.jpg", photos.drawn(CATEGORY))
    lng, lat = story.spot
    body = {
        "category_code": CATEGORY, "description": REPORT_TEXT, "upload_ids": [photo["id"]], "address": "文化路与建设路口",
        "location": {"lng": lng, "lat": lat, "crs": "gcj02", "accuracy_m": 20},
    }
    key = fresh_key()
    story.report = teller.post(rider, "/reports", body, status=201, key=key)
    found = (story.report["status"], story.report["community"]["name"], story.report["due"]["stage"])
    teller.same(found, ("submitted", story.community.name, "review"), "上报状态、社区、时限")
    again = teller.repeat(rider, "/reports", body, status=201, key=key)
    teller.same(again["number"], story.report["number"], "重复提交没有产生第二件上报")


def accept(story: Story) -> None:
    """The community's reviewer finds the report in the inbox and accepts it; points arrive with it."""
    teller, reviewer = story.teller, story.staff["reviewer"]
    inbox = teller.get(reviewer, "/reports/inbox", status="submitted", limit=100)["items"]
    teller.true(any(item["id"] == story.report["id"] for item in inbox), "上报在社区审核员的待办中")
    story.command(reviewer, "accept", {"note": "情况属实"}, leads_to="accepted")
    story.points(available=plan.FILED_POINTS, held=0)


def dispatch(story: Story) -> None:
    body = {"assignee_account_id": story.staff["worker"].account_id, "note": "请今天清运"}
    story.command(story.staff["reviewer"], "dispatch", body, leads_to="dispatched")
    story.teller.same(story.report["assignee"]["id"], story.staff["worker"].account_id, "处理人")


def resolve(story: Story) -> None:
    """The grid worker starts, cleans up, and shows it with a photo."""
    worker = story.staff["worker"]
    story.command(worker, "start", {}, leads_to="in_progress")
    photo = story.teller.upload(worker, "after.jpg", photos.drawn(photos.AFTER))
    story.command(worker, "resolve", {"note": "已清运并冲洗地面", "upload_ids": [photo["id"]]}, leads_to="resolved")
    story.teller.same(sorted(one["kind"] for one in story.report["photos"]), ["after", "before"], "上报的照片")


def verify_work(story: Story) -> None:
    """Another reviewer, of the street, looks at the result."""
    second = story.staff["second_reviewer"]
    story.command(second, "verify", {"passed": True, "note": "现场已看，干净"}, leads_to="awaiting_feedback")


def satisfied(story: Story) -> None:
    """The rider is satisfied: the report is closed, the bonus arrives, the inbox tells the whole way."""
    teller, rider = story.teller, story.rider
    story.command(rider, "feedback", {"satisfied": True, "rating": 5, "comment": "处理得很快"}, leads_to="closed")
    story.points(available=plan.FILED_POINTS + plan.CLOSED_POINTS, held=0)
    lines = teller.get(rider, "/points/me/entries")["items"]
    found = [(line["kind"], line["amount"], line["balance_after"], line["rule_code"]) for line in lines]
    teller.same(found, [("earn", 10, 20, "REPORT_CLOSED"), ("earn", 10, 10, "REPORT_ACCEPTED")], "积分明细")
    news = teller.get(rider, "/messages", unread=True, limit=50)["items"]
    told = [item["title"] for item in reversed(news) if (item["reference"] or {}).get("number") == story.report["number"]]
    teller.same(tuple(told), NEWS, "收件箱里这件上报的消息")
    steps = [row["command"] for row in teller.get(rider, f"/reports/{story.report['id']}/timeline")]
    teller.same(steps, ["submit", "accept", "dispatch", "start", "resolve", "verify", "feedback"], "上报经过")


def redeem(story: Story) -> None:
    """The rider redeems a bottle of water: the points are held, a code is issued."""
    teller, rider = story.teller, story.rider
    offers = teller.get(rider, "/rewards", limit=100)["items"]
    water = next((one for one in offers if one["name"] == names.WATER and one["points"] == plan.WATER_POINTS), None)
    teller.true(water is not None, f"可以兑换{names.WATER}")
    assert water is not None
    key, body = fresh_key(), {"reward_id": water["id"], "quantity": 1}
    story.order = teller.post(rider, "/redemptions", body, status=201, key=key)
    teller.same((story.order["status"], story.order["points"]), ("issued", plan.WATER_POINTS), "兑换单状态和积分")
    story.points(available=0, held=plan.WATER_POINTS)
    teller.same(teller.repeat(rider, "/redemptions", body, status=201, key=key)["id"], story.order["id"], "重复提交没有产生第二张兑换单")


def verify_code(story: Story) -> None:
    """The clerk looks at the code, which uses nothing up, and verifies it: the points are spent."""
    teller, clerk = story.teller, story.staff["clerk"]
    grants = teller.get(clerk, "/members/me")["grants"]
    story.store_id = next(grant["scope_id"] for grant in grants if grant["role"] == "store_clerk")
    teller.true(any(store["id"] == story.store_id for store in story.order["stores"]), f"{story.shop.name}可以兑换")
    shown = teller.post(clerk, "/redemptions/preview", {"store_id": story.store_id, "code": story.order["code"]})
    teller.same((shown["reward"]["name"], shown["quantity"]), (names.WATER, 1), "核销前看到的商品")
    story.points(available=0, held=plan.WATER_POINTS)
    body = {"store_id": story.store_id, "code": story.order["code"]}
    story.verified = teller.post(clerk, "/redemptions/verify", body)
    teller.same((story.verified["number"], story.verified["store"]["id"]), (story.order["number"], story.store_id), "核销的兑换单和商家")
    story.points(available=0, held=0)
    kinds = [line["kind"] for line in teller.get(story.rider, "/points/me/entries")["items"]]
    teller.same(kinds, ["capture", "hold", "earn", "earn"], "积分明细")


def verify_again(story: Story) -> None:
    """The same code once more: refused, with the truth about the first time."""
    teller = story.teller
    body = {"store_id": story.store_id, "code": story.order["code"]}
    refused = teller.post(story.staff["clerk"], "/redemptions/verify", body, status=409)
    found = (refused["code"], refused["by_you"], refused["store_name"], _instant(refused["verified_at"]))
    teller.same(found, ("already_verified", True, story.shop.name, _instant(story.verified["verified_at"])), "拒绝的原因")
    story.points(available=0, held=0)


def settle(story: Story) -> None:
    """The month's settlement of the store has the line, and its lines sum up to its total."""
    teller = story.teller
    month = f"{clock.local(_instant(story.verified['verified_at'])):%Y-%m}"
    shown = teller.get(story.staff["owner"], f"/stores/{story.store_id}/settlements/{month}")
    teller.same((shown["status"], shown["store"]["name"]), ("open", story.shop.name), "结算单状态和商家")
    mine = [line for line in shown["lines"] if line["verification_id"] == story.verified["verification_id"]]
    found = [(line["number"], line["quantity"], line["cents"]) for line in mine]
    teller.same(found, [(story.order["number"], 1, plan.water().cents)], "本次核销的结算明细（分）")
    sums = (len(shown["lines"]), sum(line["cents"] for line in shown["lines"]))
    teller.same((shown["count"], shown["total_cents"]), sums, "结算单笔数和合计（分）与明细一致")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


STEPS: tuple[tuple[str, Callable[[Story], None]], ...] = (
    ("登录", sign_in), ("登记双找", register), ("上报", report), ("受理得积分", accept), ("派单", dispatch), ("处置", resolve),
    ("核查", verify_work), ("满意办结", satisfied), ("兑换", redeem), ("核销", verify_code), ("重复核销被拒", verify_again),
    ("月度结算", settle),
)
