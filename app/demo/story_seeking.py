"""双找 as a story: a Party member who scans nothing ends with a named contact person; a rider reports in to the community."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app import clock
from app.demo import people, plan
from app.demo.telling import Person, Teller

PARTY = {"home_branch": "外省某镇某村党支部", "joined_on": "2015-07-01", "relation": "elsewhere", "away_since": "2026-01-15"}
NAME = "李书明"


@dataclass
class Seeking:
    """What the steps hand on to each other. Member and secretary are new in every run: it can be told again on the same server."""

    teller: Teller
    member: Person = field(default_factory=lambda: Person(f"党员骑手-{secrets.token_hex(4)}"))
    phone: str = field(default_factory=lambda: f"13{secrets.randbelow(10**9):09d}")
    community: plan.AreaPlan = field(default_factory=lambda: plan.of_level("community")[0])
    admin: Person = field(default_factory=lambda: Person(people.ADMINS[0]))
    secretary: Person = field(default_factory=lambda: Person(f"支部书记-{secrets.token_hex(4)}"))
    registration: dict[str, Any] = field(default_factory=dict)
    checkin: dict[str, Any] = field(default_factory=dict)

    def area(self, level: str) -> Any:
        """The area of this level around the middle of the community."""
        lng, lat = self.community.middle
        chain = self.teller.get(None, "/areas/locate", lng=lng, lat=lat, crs="gcj02")
        return next(area for area in chain["items"] if area["level"] == level)

    @property
    def path(self) -> str:
        return f"/registrations/{self.registration['id']}"


def seek(story: Seeking) -> None:
    """One screen: name, trade, area, consents and the phone in a single call; the nearest organisation is found, and why is said."""
    teller, member = story.teller, story.member
    teller.enter(member)
    versions = {text["purpose"]: text["version"] for text in teller.get(None, "/members/consent-texts")}
    area = story.area("community")
    made = teller.post(
        member, "/registrations",
        {
            "phone_code": teller.wechat(member, kind="phone", phone=story.phone), "real_name": "周启明", "occupation": "courier",
            "consents": [{"purpose": purpose, "version": versions[purpose]} for purpose in ("service", "party_identity")],
            "work_area_id": area["id"], "employers": [], "political_status": "full_member", "party": PARTY | {"home_branch": "某村支部"},
        },
        status=201,
    )
    found = (made["status"], made["direction"], made["match"]["reason"])
    teller.same(found, ("pending", "member_seeks_org", "work_area"), f"登记状态、方向、匹配到{made['organisation']['name']}的依据")
    story.registration = made


def appoint(story: Seeking) -> None:
    """The county's administrator makes somebody secretary of that organisation; from then on they decide, by name."""
    teller, secretary = story.teller, story.secretary
    teller.enter(story.admin)
    teller.enter(secretary)
    scope = {"scope_type": "organisation", "scope_id": story.registration["organisation"]["id"]}
    told = {"account_id": secretary.account_id, "role": "org_secretary"} | scope
    granted = teller.post(story.admin, "/auth/grants", told, status=201)
    teller.same((granted["role"], granted["scope_id"]), ("org_secretary", scope["scope_id"]), "授予的职责")
    versions = {text["purpose"]: text["version"] for text in teller.get(None, "/members/consent-texts")}
    teller.put(secretary, "/members/me/consents/service", {"version": versions["service"], "granted": True})
    card = teller.put(secretary, "/registrations/contact-card", {"phone": "office", "real_name": NAME})
    teller.same((card["real_name"], card["phone"]), (NAME, "office"), "书记向党员给出的姓名和电话")


def correct(story: Seeking) -> None:
    """The secretary returns the registration with a reason; the member corrects it, and it is submitted again."""
    teller, secretary = story.teller, story.secretary
    waiting = teller.get(secretary, "/registrations", status="pending", limit=100)["items"]
    teller.true(any(line["id"] == story.registration["id"] for line in waiting), "登记在书记的待办中")
    reason = "请填写组织关系所在党支部的全称"
    teller.post(secretary, f"{story.path}/return", {"reason": reason}, version=story.registration["version"])
    seen = teller.get(story.member, story.path)
    teller.same((seen["status"], seen["reason"]), ("returned", reason), "退回和理由")
    again = teller.patch(story.member, story.path, {"party": PARTY}, version=seen["version"])
    teller.same((again["status"], again["party"]["home_branch"]), ("pending", PARTY["home_branch"]), "补正后重新提交")
    story.registration = again


def take_in(story: Seeking) -> None:
    """The secretary approves and names the contact person; the member sees whom to call; the first contact is due today and noted."""
    teller, secretary = story.teller, story.secretary
    today = clock.today().isoformat()
    taken = teller.post(
        secretary, f"{story.path}/approve",
        {"management": "mobile", "contact_account_id": secretary.account_id, "next_contact_on": today},
        version=story.registration["version"],
    )
    teller.same((taken["status"], taken["six_months"]["on"]), ("approved", "2026-07-15"), "登记状态、外出满六个月的日期")
    seen = teller.get(story.member, "/registrations/mine")["items"][0]
    teller.same(seen["contact"]["name"], NAME, "党员看到的联系人")
    teller.same(seen["next_contact_on"], today, "下次联系日期")
    due = teller.get(secretary, "/registrations/contacts-due", limit=100)["items"]
    teller.true(any(line["id"] == story.registration["id"] for line in due), "今天应联系的名单里有这名党员")
    noted = teller.post(
        secretary, f"{story.path}/contacts", {"note": "已电话联系，愿意参加周五的组织生活", "next_contact_on": "2027-01-15"},
        version=taken["version"],
    )
    teller.same((len(noted["contacts"]), noted["next_contact_on"]), (1, "2027-01-15"), "联系记录和下次联系日期")


def compare(story: Seeking) -> None:
    """The secretary's roster is matched with the registrations: one is here, one has not registered, one line cannot be read."""
    teller, secretary = story.teller, story.secretary
    branch = teller.get(story.member, story.path)["organisation"]["id"]
    roster = f"姓名,手机号\n周启明,{story.phone}\n郑未登记,13{secrets.randbelow(10**9):09d}\n号码有误,12345\n"
    teller.send_file(secretary, f"/organisations/{branch}/roster", "党员名册.csv", roster.encode(), "text/csv", status=202)
    shown = teller.wait(secretary, f"/organisations/{branch}/roster", lambda roster: roster["status"] == "matched")
    teller.same((shown["registered"], shown["not_registered"], shown["invalid"]), (1, 1, 1), "已登记、未登记、有误的行")
    missing = teller.get(secretary, f"/organisations/{branch}/roster/candidates")["items"]
    teller.same([line["name"] for line in missing], ["郑未登记"], "口袋党员线索")


def check_in(story: Seeking) -> None:
    """The member reports in to the community; its reviewer confirms; the certificate can be checked by anybody."""
    teller, member = story.teller, story.member
    reviewer = Person(people.reviewer(story.community))
    teller.enter(reviewer)
    path = f"/areas/{story.registration['work_area']['id']}/checkins"
    made = teller.post(member, path, {"kind": "member", "note": "晚上七点后有空"}, status=201)
    teller.same(made["status"], "pending", "报到状态")
    confirmed = teller.post(reviewer, f"{path}/{made['id']}/confirm", {}, version=made["version"])
    appointment = confirmed["appointment"]
    teller.same((confirmed["status"], appointment["role_name"]), ("confirmed", "移动微网格员"), "报到状态和聘任身份")
    teller.same(teller.get(member, "/points/me")["available"], 50, "双报到积分")
    paper = teller.download(member, f"{path}/{made['id']}/appointments/{appointment['id']}/certificate").content
    teller.true(paper.startswith(b"%PDF"), "聘书可以打印")
    page = teller.browse(appointment["verify_url"])
    teller.true("周*" in page and "周启明" not in page, "扫聘书上的码可以核验，只显示姓氏")


def covered(story: Seeking) -> None:
    """How many enterprises of the county are covered today, and which are not."""
    teller, admin = story.teller, story.admin
    county = story.area("county")
    figures = teller.get(admin, "/coverage", area_id=county["id"], on=clock.today().isoformat())
    work = figures["work"]
    teller.true(0 < figures["organisation"]["numerator"] <= work["numerator"] <= work["denominator"], "组织覆盖的企业，工作也覆盖")
    listed = {"area_id": county["id"], "on": clock.today().isoformat(), "covered": "none", "limit": 100}
    rest = teller.get(admin, "/coverage/enterprises", **listed)["items"]
    teller.same(len(rest), min(100, work["denominator"] - work["numerator"]), "还没有覆盖的企业数与清单一致")


STEPS: tuple[tuple[str, Callable[[Seeking], None]], ...] = (
    ("党员找组织", seek), ("指定书记", appoint), ("退回补正", correct), ("纳入管理，指定联系人", take_in), ("名册比对", compare),
    ("社区报到", check_in), ("两个覆盖", covered),
)
