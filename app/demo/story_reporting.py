"""The report loop as a story: two riders, one hole in the road, a rework, and everybody is told."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from app import clock
from app.demo import people, photos, plan
from app.demo.arriving import arrive
from app.demo.telling import Person, Teller, fresh_key

CATEGORY, FIRST_WORDS = "road_hole", "路面有坑"
STOPPED = "life_in_danger"
WORDS = "非机动车道上有一个大坑，雨天看不见，已有人摔倒"
METRE = 0.00001  # of a degree of latitude, nearly


@dataclass
class Reporting:
    """What the steps hand on to each other. Both riders are new in every run: it can be told again on the same server."""

    teller: Teller
    filer: Person = field(default_factory=lambda: Person(f"骑手-{secrets.token_hex(4)}"))
    joiner: Person = field(default_factory=lambda: Person(f"骑手-{secrets.token_hex(4)}"))
    community: plan.AreaPlan = field(default_factory=lambda: plan.of_level("community")[0])
    reviewer: Person = field(init=False)
    second_reviewer: Person = field(init=False)
    worker: Person = field(init=False)
    report: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        street = plan.by_code()[self.community.parent or plan.COUNTY_CODE]
        self.reviewer, self.second_reviewer = Person(people.reviewer(self.community)), Person(people.reviewer(street))
        self.worker = Person(people.worker(self.community))

    @property
    def path(self) -> str:
        return f"/reports/{self.report['id']}"

    def place(self, *, north_m: int = 0) -> dict[str, Any]:
        lng, lat = self.community.middle
        return {"lng": lng + 40 * METRE, "lat": lat + north_m * METRE, "crs": "gcj02", "accuracy_m": 15}

    def filing(self, who: Person, **told: Any) -> dict[str, Any]:
        photo = self.teller.upload(who, "road.jpg", photos.drawn(CATEGORY))
        return {"category_code": CATEGORY, "location": self.place(), "upload_ids": [photo["id"]], **told}

    def command(self, who: Person, name: str, body: dict[str, Any], *, leads_to: str) -> None:
        """A command by somebody who has seen the report as it is now."""
        version = self.teller.get(who, self.path)["version"]
        self.report = self.teller.post(who, f"{self.path}/{name}", body, version=version)
        self.teller.same(self.report["status"], leads_to, "上报状态")


def file(story: Reporting) -> None:
    """A form that must not be filled in is stopped; the hole in the road is reported, and corrected before anybody has read it."""
    teller, filer = story.teller, story.filer
    for person in (story.reviewer, story.second_reviewer, story.worker):
        teller.enter(person)
    arrive(teller, filer)
    urgent = story.filing(filer, category_code=STOPPED, description="有人受伤")
    stopped = teller.post(filer, "/reports", urgent, status=422, key=fresh_key())
    teller.same(stopped["errors"][0]["loc"][-1], "category_code", "人员伤亡先打 110、119、120：不收表单")
    made = teller.post(filer, "/reports", story.filing(filer, description=FIRST_WORDS), status=201, key=fresh_key())
    teller.true("amend" in made["allowed"], "受理前上报人可以补充、更正")
    story.report = made
    body = {"description": WORDS, "location": story.place(north_m=30)}
    story.report = teller.patch(filer, story.path, body, version=made["version"])
    teller.same((story.report["description"], story.report["status"]), (WORDS, "submitted"), "更正后的上报")


def join(story: Reporting) -> None:
    """Another rider reports the same hole, is shown the first report with the reason, and joins it."""
    teller, joiner = story.teller, story.joiner
    arrive(teller, joiner)
    spot = story.place(north_m=20)
    near = teller.get(joiner, "/reports/nearby", lng=spot["lng"], lat=spot["lat"], crs="gcj02", radius_m=100, category_code=CATEGORY)
    teller.true(any(one["id"] == story.report["id"] for one in near["items"]), "附近已有人上报")
    joined = teller.post(joiner, f"{story.path}/join")
    teller.same((joined["joined"], joined["reporter"]), (True, None), "已加入；看不到上报人是谁")


def review(story: Reporting) -> None:
    """The reviewer's desk: counts, a claim, what speaks for and against the report; then it is accepted."""
    teller, reviewer = story.teller, story.reviewer
    counts = teller.get(reviewer, "/reports/inbox/counts")
    teller.true(counts["by_status"].get("submitted", 0) >= 1, "待办里有待审核的上报")
    teller.put(reviewer, f"{story.path}/claim", {})
    seen = teller.get(reviewer, story.path)
    teller.same((seen["joined_count"], "description" in seen), (1, True), "加入的人数")
    teller.true(set(seen["reporter"]) >= {"alias"} and seen["reporter"].get("name") is None, "审核员只看到代称")
    teller.get(reviewer, f"{story.path}/signals")
    teller.get(reviewer, f"{story.path}/duplicates")
    story.command(reviewer, "accept", {"note": "属实"}, leads_to="accepted")
    teller.same(teller.get(story.joiner, "/points/me")["available"], plan.JOINED_POINTS, "加入者的积分")


def dispatch(story: Reporting) -> None:
    """A worker is suggested, and why; the work needs longer; the due time can be explained."""
    teller, reviewer, worker = story.teller, story.reviewer, story.worker
    offered = teller.get(reviewer, f"{story.path}/suggestions")["assignees"]
    chosen = next(one for one in offered if one["id"] == worker.account_id)
    teller.true(bool(chosen["reasons"]), f"建议的处理人和理由：{'、'.join(chosen['reasons'])}")
    story.command(reviewer, "dispatch", {"assignee_account_id": worker.account_id}, leads_to="dispatched")
    story.command(worker, "start", {}, leads_to="in_progress")
    until = (clock.now() + timedelta(days=12)).isoformat()
    story.command(worker, "extend", {"until": until, "reason": "等沥青到货"}, leads_to="in_progress")
    story.command(reviewer, "decide-request", {"approve": True, "note": "同意延期"}, leads_to="in_progress")
    runs = teller.get(story.filer, f"{story.path}/clock")["runs"]
    teller.true(bool(runs[-1]["explanation"]), f"时限怎么来的：{'；'.join(runs[-1]['explanation'])}")


def rework(story: Reporting) -> None:
    """Resolved and verified by another; the rider who joined is not satisfied, so the work is done again."""
    _work(story, "已临时填平")
    story.command(story.joiner, "feedback", {"satisfied": False, "rating": 2, "comment": "一压又陷下去了"}, leads_to="disputed")
    story.command(story.reviewer, "decide", {"rework": True, "note": "返工"}, leads_to="in_progress")
    _work(story, "已切割重铺并压实")
    story.command(story.filer, "feedback", {"satisfied": True, "rating": 5}, leads_to="closed")
    seen = story.teller.get(story.reviewer, story.path)
    story.teller.same((seen["rework_count"], seen["extension_count"]), (1, 1), "返工、延期次数")
    titles = [one["title"] for one in story.teller.get(story.joiner, "/messages", limit=50)["items"]]
    story.teller.true("上报已办结" in titles, "加入者也收到了每一步的消息")


def _work(story: Reporting, note: str) -> None:
    photo = story.teller.upload(story.worker, "after.jpg", photos.drawn(photos.AFTER))
    story.command(story.worker, "resolve", {"note": note, "upload_ids": [photo["id"]]}, leads_to="resolved")
    story.command(story.second_reviewer, "verify", {"passed": True, "note": "现场已看"}, leads_to="awaiting_feedback")


def prove(story: Reporting) -> None:
    """The rider shows the employer a code; its page says when and roughly where, and nothing else."""
    teller = story.teller
    proof = teller.get(story.filer, f"{story.path}/proof")
    shown = teller.get(None, f"/reports/proofs/{proof['code']}")
    teller.same((shown["valid"], shown["duty"], shown["stopped_at"]), (True, proof["duty"], proof["stopped_at"]), "停留证明")
    teller.true(story.report["number"] not in str(shown) and WORDS not in str(shown), "不含上报编号和内容")
    teller.true(proof["area"] in teller.browse(proof["check_url"]), "雇主打开的核验页")


def count(story: Reporting) -> None:
    """The staff find the case by two characters of its text; the month's figures have it."""
    teller, reviewer = story.teller, story.second_reviewer
    found = teller.get(reviewer, "/reports/search", q="大坑")["items"]
    teller.true(any(one["id"] == story.report["id"] for one in found), "两个字就能搜到")
    area = next(one for one in teller.get(reviewer, "/members/me")["grants"] if one["role"] == "reviewer")
    today = clock.today().isoformat()
    figures = {"area_id": area["scope_id"], "from": today, "to": today}
    stats = teller.get(reviewer, "/reports/stats", **figures)
    teller.true(stats["closed"] >= 1 and stats["rework"] >= 1, "今天的办结数和返工数")
    teller.same(sum(one["received"] for one in stats["by_category"]), stats["received"], "按类别合计等于总数")


STEPS: tuple[tuple[str, Callable[[Reporting], None]], ...] = (
    ("上报与更正", file), ("加入同一问题", join), ("审核台", review), ("派单与延期", dispatch), ("不满意则返工", rework),
    ("停留证明", prove), ("检索与统计", count),
)
