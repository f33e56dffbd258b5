"""What is said and answered, as a story: news for a trade, a copy through WeChat, what WeChat leaves to people, a group to join."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app import clock
from app.demo import names, people, photos, plan
from app.demo.arriving import arrive
from app.demo.telling import Person, Teller, fresh_key, say

TEMPLATE = "xinxin_complaint_answer"
TITLE = "外卖骑手雨雪天关爱物资领取"
SUGGESTION, ANSWER = "希望驿站增加换电柜", "已列入下月计划，先在文化路驿站试点。"
CATEGORY, WORDS = "goods_piled", "昨天游行彩排的护栏没有撤走，占了非机动车道"  # WeChat leaves such a word to people
SHOWN_AS = {"text": "description", "photo": "photos"}
QUIET_FROM, QUIET_UNTIL = 22, 7
RISK, RISK_RANK = "/members/me/consents/risk_check", 4


@dataclass
class Telling:
    """What the steps hand on to each other. Both riders are new in every run: it can be told again on the same server."""

    teller: Teller
    rider: Person = field(default_factory=lambda: Person(f"骑手-{secrets.token_hex(4)}"))
    courier: Person = field(default_factory=lambda: Person(f"快递员-{secrets.token_hex(4)}"))
    community: plan.AreaPlan = field(default_factory=lambda: plan.of_level("community")[0])
    admin: Person = field(default_factory=lambda: Person(people.ADMINS[0]))
    reviewer: Person = field(init=False)
    areas: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reviewer = Person(people.reviewer(self.community))

    @property
    def path(self) -> str:
        return f"/reports/{self.report['id']}"

    @property
    def place(self) -> dict[str, Any]:
        lng, lat = self.community.middle
        return {"lng": lng - 0.002, "lat": lat - 0.001, "crs": "gcj02", "accuracy_m": 15}


def gather(story: Telling) -> None:
    """Two riders of one community: one delivers food, the other parcels."""
    teller, spot = story.teller, story.place
    for person in (story.admin, story.reviewer):
        teller.enter(person)
    chain = teller.get(None, "/areas/locate", lng=spot["lng"], lat=spot["lat"], crs="gcj02")
    story.areas = {area["level"]: area for area in chain["items"]}
    for person, occupation in ((story.rider, "food_delivery"), (story.courier, "courier")):
        arrive(teller, person)
        told = {
            "real_name": "刘晓光", "occupation": occupation, "work_area_id": story.areas["community"]["id"], "employers": [],
            "political_status": "masses",
        }
        teller.post(person, "/registrations", told, status=201)


def announce(story: Telling) -> None:
    """The county publishes for those who deliver food in one street: they read it, nobody learns who has read it."""
    teller, rider = story.teller, story.rider
    told = {
        "kind": "notice", "title": TITLE, "body": "自明日起，凭会员码到各驿站领取雨衣和防滑链。", "area_id": story.areas["street"]["id"],
        "occupations": ["food_delivery"], "pinned_until": f"{clock.today() + timedelta(days=7)}",
    }
    made = teller.post(story.admin, "/announcements", told, status=201)
    path = f"/announcements/{made['id']}"
    teller.refused(rider, path, 404)
    out = teller.post(story.admin, f"{path}/publish", version=made["version"])
    teller.same((out["status"], out["allowed"]), ("published", ["pin", "withdraw"]), "公告状态和可做的事")
    seen = next(one for one in teller.get(rider, "/announcements", pinned=True)["items"] if one["id"] == made["id"])
    teller.same((seen["title"], seen["read"]), (TITLE, False), "骑手列表里的公告")
    teller.refused(story.courier, path, 404)
    teller.wait(rider, "/messages?category=system", lambda page: any(_about(one, made) for one in page["items"]))
    teller.same(teller.get(rider, path)["read"], True, "打开即为已读")
    totals = teller.get(story.admin, path)["totals"]
    teller.true(totals is None or set(totals) == {"told", "reads"}, f"管理员只看到合计（不足十人不显示）：{totals}")


def _about(message: Any, thing: Any) -> bool:
    return message["reference"] is not None and message["reference"]["id"] == thing["id"]


def schedule(story: Telling) -> None:
    """Another one waits for tomorrow; it is taken back before anybody has seen it."""
    teller = story.teller
    told = {"kind": "policy", "title": "免费体检办法", "body": "具体办法另行通知。", "area_id": story.areas["county"]["id"]}
    made = teller.post(story.admin, "/announcements", told, status=201)
    path = f"/announcements/{made['id']}"
    at = (clock.now() + timedelta(days=1)).isoformat()
    waiting = teller.post(story.admin, f"{path}/publish", {"publish_at": at}, version=made["version"])
    teller.same(waiting["status"], "scheduled", "定时发布")
    teller.refused(story.rider, path, 404)
    teller.same(teller.post(story.admin, f"{path}/withdraw", version=waiting["version"])["status"], "withdrawn", "撤回")


def suggest(story: Telling) -> None:
    """A suggestion is answered within its limit; the rider had permitted one message, and one copy arrives, without a word of it."""
    teller, rider = story.teller, story.rider
    asked = {one["template_id"]: one["moment"] for one in teller.get(rider, "/messages/templates")}
    teller.same(asked.get(TEMPLATE), "complaint_submitted", "什么时候请求订阅“意见建议答复通知”")
    teller.order("subscriptions", {"person": rider.name, "template_id": TEMPLATE, "answer": "accept"})
    said = teller.post(rider, "/messages/subscriptions", {"results": {TEMPLATE: "accept"}})
    teller.same(said["permitted"], {TEMPLATE: 1}, "骑手允许的条数")
    _answered(story)
    openid = teller.order("people", {"person": rider.name}, status=200)["openid"]
    if _quiet():
        say("   … 现在是免打扰时段：微信副本早上再发，收件箱里已经有了")
        return
    copy = teller.wait_for_wechat("sent", lambda page: next((one for one in page["items"] if one["touser"] == openid), None))
    teller.true(SUGGESTION not in str(copy) and ANSWER not in str(copy), f"微信里的副本不含内容：{copy['data']}")
    _answered(story)
    copies = [one for one in teller.played("sent")["items"] if one["touser"] == openid]
    teller.same(len(copies), 1, "没有新的允许，第二件答复只进收件箱；微信副本条数")


def _answered(story: Telling) -> None:
    """Written by the rider, answered by the county, found in the inbox."""
    teller = story.teller
    made = teller.post(story.rider, "/complaints", {"kind": "suggestion", "text": SUGGESTION}, status=201)
    late = datetime.fromisoformat(made["due_at"])
    teller.true(late > clock.now() + timedelta(days=9), f"十个工作日内答复：{made['due_at']}")
    waiting = teller.get(story.admin, "/complaints", status="open", limit=100)["items"]
    teller.true(any(one["id"] == made["id"] and one["member"].startswith("小哥") for one in waiting), "管理员看到代称和内容")
    teller.post(story.admin, f"/complaints/{made['id']}/answer", {"answer": ANSWER}, version=made["version"])
    mine = next(one for one in teller.get(story.rider, "/complaints/mine")["items"] if one["id"] == made["id"])
    teller.same((mine["answer"], mine["overdue"]), (ANSWER, False), "答复")
    news = teller.get(story.rider, "/messages", category="complaint")["items"]
    teller.true(any(_about(one, made) and ANSWER not in one["body"] for one in news), "收件箱里的通知不含答复内容")


def _quiet() -> bool:
    return not QUIET_UNTIL <= clock.local(clock.now()).hour < QUIET_FROM


def doubt(story: Telling) -> None:
    """WeChat leaves a word, and where it can push a photo too, to people: hidden from strangers until the reviewer has passed them."""
    teller, pushes = story.teller, story.teller.wechat_pushes()
    _agree_to_risk(story)
    items = _left_to_people(story) if pushes else _filed(story, ["text"])
    for item in items:
        teller.same((item["reason"], item["allowed"]), ("review", ["pass", "block"]), "微信拿不准，交给人")
        hidden = SHOWN_AS[item["kind"]]
        teller.true(not _nearby(story)[hidden], "人工审核前，陌生人看不到")
        teller.post(story.reviewer, f"/moderation/items/{item['id']}/pass", {}, version=item["version"])
        teller.true(bool(_nearby(story)[hidden]), "通过后，附近的人看得到")


def _left_to_people(story: Telling) -> list[Any]:
    """While WeChat is in doubt about every photo."""
    story.teller.order("manners", {"media_suggest": "review"})
    try:
        return _filed(story, ["text", "photo"])
    finally:
        story.teller.order("manners", {"media_suggest": "pass"})


def _filed(story: Telling, kinds: list[str]) -> list[Any]:
    """A report, accepted; what people are to look at of it."""
    photo = story.teller.upload(story.rider, "fence.jpg", photos.drawn(CATEGORY))
    told = {"category_code": CATEGORY, "location": story.place, "upload_ids": [photo["id"]], "description": WORDS}
    story.report = story.teller.post(story.rider, "/reports", told, status=201, key=fresh_key())
    story.teller.post(story.reviewer, f"{story.path}/accept", {}, version=story.report["version"])
    return [_waiting(story, kind) for kind in kinds]


def _waiting(story: Telling, kind: str) -> Any:
    def mine(page: Any) -> Any:
        return next((one for one in page["items"] if one["owner"]["id"] == story.report["id"]), None)

    page = story.teller.wait(story.reviewer, f"/moderation/items?status=waiting&limit=100&kind={kind}", lambda page: mine(page) is not None)
    return mine(page)


def _nearby(story: Telling) -> Any:
    spot = story.place
    page = story.teller.get(
        story.courier, "/reports/nearby", lng=spot["lng"], lat=spot["lat"], crs="gcj02", radius_m=200, category_code=CATEGORY, limit=100
    )
    return next(one for one in page["items"] if one["id"] == story.report["id"])


def _agree_to_risk(story: Telling) -> None:
    """Only where the county has published the text; nobody is asked about who has not agreed to it."""
    version = _risk_version(story)
    if version is not None:
        story.teller.order("people", {"person": story.rider.name, "risk_rank": RISK_RANK}, status=200)
        story.teller.put(story.rider, RISK, {"version": version, "granted": True})


def _risk_version(story: Telling) -> str | None:
    texts = story.teller.get(None, "/members/consent-texts")
    return next((text["version"] for text in texts if text["purpose"] == "risk_check"), None)


def weigh(story: Telling) -> None:
    """What WeChat thinks of the account is one hint among others for the reviewer, and gone with the consent; nothing was refused by it."""
    teller, version, path = story.teller, _risk_version(story), f"{story.path}/signals"
    if version is None:
        return
    found = teller.wait(story.reviewer, path, lambda signals: any(one["kind"] == "wechat_risk" for one in signals))
    hint = next(one for one in found if one["kind"] == "wechat_risk")
    teller.same(hint["facts"], {"rank": RISK_RANK}, f"审核员看到的提示：{hint['text']}")
    teller.put(story.rider, RISK, {"version": version, "granted": False})
    left = teller.get(story.reviewer, path)
    teller.true(all(one["kind"] != "wechat_risk" for one in left), "撤回同意，评级随即删除")


def invite(story: Telling) -> None:
    """A secretary invites by SMS: one message, with a code and no name. Here it ends at the console."""
    teller, secretary = story.teller, Person(people.secretary(names.ORGANISATIONS[names.CODE_OF][0]))
    teller.enter(secretary)
    grants = teller.get(secretary, "/members/me")["grants"]
    organisation = next(grant["scope_id"] for grant in grants if grant["role"] == "org_secretary")
    phone = f"139{secrets.randbelow(10**8):08d}"
    made = teller.post(secretary, f"/organisations/{organisation}/invitations", {"title": "冬季走访", "phone": phone}, status=201)
    teller.same((made["max_uses"], phone in str(made)), (1, False), "只供一人使用，应答里没有手机号")


def join_group(story: Telling) -> None:
    """The rider finds the WeChat group of the own community; how many people it has is for staff."""
    teller = story.teller
    found = teller.get(story.rider, "/groups")["items"]
    teller.true(bool(found) and all(one["area"]["id"] == story.areas["community"]["id"] for one in found), "本社区的微信群")
    teller.same((bool(found[0]["how_to_join"]), found[0]["people"]), (True, None), f"{found[0]['name']}：有加入办法，人数不显示")
    codes = [one["code"] for one in teller.get(None, "/policies")["items"]]
    teller.same(codes, ["privacy", "terms", "children"], "公开的政策文本")
    teller.true("微信" in teller.get(None, "/policies/privacy")["text"], "隐私政策写明交给微信的内容")


STEPS: tuple[tuple[str, Callable[[Telling], None]], ...] = (
    ("两名骑手", gather), ("发布公告", announce), ("定时与撤回", schedule), ("建议与答复", suggest), ("人工审核", doubt),
    ("风险提示", weigh), ("短信邀请", invite), ("微信群与政策", join_group),
)
