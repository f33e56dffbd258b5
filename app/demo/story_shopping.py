"""A shop as a story: it applies, invites a clerk, sells, verifies a screen that works once, and is paid by a month that ties out."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from app import clock
from app.demo import people, photos, plan
from app.demo.arriving import arrive
from app.demo.telling import Person, Teller, fresh_key

PRICE, CENTS, PIECES, A_DAY = 15, 180, 3, 2
SHOP, TEA = "骑手茶水铺", "热茶一杯"
LICENCE = "91370800MA3C4D5E65"


@dataclass
class Shopping:
    """What the steps hand on to each other. Shop, owner, clerk and rider are new in every run; the administrators are the demo's."""

    teller: Teller
    owner: Person = field(default_factory=lambda: Person(f"店主-{secrets.token_hex(4)}"))
    clerk: Person = field(default_factory=lambda: Person(f"店员-{secrets.token_hex(4)}"))
    rider: Person = field(default_factory=lambda: Person(f"骑手-{secrets.token_hex(4)}"))
    maker: Person = field(default_factory=lambda: Person(people.ADMINS[0]))
    checker: Person = field(default_factory=lambda: Person(people.ADMINS[1]))
    community: plan.AreaPlan = field(default_factory=lambda: plan.of_level("community")[0])
    store_id: str = ""
    reward_id: str = ""
    order: dict[str, Any] = field(default_factory=dict)
    verified: dict[str, Any] = field(default_factory=dict)

    @property
    def store(self) -> str:
        return f"/stores/{self.store_id}"

    @property
    def month(self) -> str:
        return f"{clock.today():%Y-%m}"

    def till(self, call: str, token: str, *, status: int = 200) -> dict[str, Any]:
        """The clerk scans: `preview` or `verify`."""
        body = {"store_id": self.store_id, "token": token}
        answer: dict[str, Any] = self.teller.post(self.clerk, f"/redemptions/{call}", body, status=status)
        return answer

    def screen(self) -> str:
        """What the rider's phone shows now."""
        return str(self.teller.get(self.rider, f"/redemptions/{self.order['id']}/ticket")["token"])

    def balance(self, *, available: int, held: int) -> None:
        standing = self.teller.get(self.rider, "/points/me")
        self.teller.same((standing["available"], standing["held"]), (available, held), "可用、冻结积分")


def join(story: Shopping) -> None:
    """A shopkeeper applies with a photo of the front; an administrator of the area lets the shop in, and its owner owns it at once."""
    teller = story.teller
    for one in (story.owner, story.clerk, story.rider):
        arrive(teller, one)
    for one in (story.maker, story.checker):
        teller.enter(one)
    photo = teller.upload(story.owner, "front.jpg", photos.drawn(photos.AFTER))
    lng, lat = story.community.middle
    here = next(one for one in teller.get(None, "/areas/locate", lng=lng, lat=lat, crs="gcj02")["items"] if one["level"] == "community")
    body = {
        "name": SHOP, "area_id": here["id"], "location": {"lng": lng, "lat": lat, "crs": "gcj02"}, "address": "文化路 9 号",
        "phone": "0537-3456789", "hours": "06:00-24:00", "category": "restaurant", "uscc": LICENCE, "uscc_confirmed": True,
        "upload_ids": [photo["id"]],
    }
    asked = teller.post(story.owner, "/stores/applications", body, status=201)
    teller.same(asked["status"], "submitted", "入驻申请状态")
    approval = {"note": "欢迎加入", "photo_ids": [photo["id"]]}
    let_in = teller.post(story.maker, f"/stores/applications/{asked['id']}/approve", approval, version=asked["version"])
    teller.same((let_in["status"], let_in["store"]["name"]), ("approved", SHOP), "审批结果和商家")
    story.store_id = let_in["store"]["id"]
    roles = [grant["role"] for grant in teller.get(story.owner, "/members/me")["grants"]]
    teller.same(roles, ["store_owner"], "申请人成为店主")


def staff(story: Shopping) -> None:
    """The owner shows a code, the clerk types it: a right that ends as soon as the owner says so."""
    teller = story.teller
    invitation = teller.post(story.owner, f"{story.store}/invitations", {"role": "store_clerk", "max_uses": 1}, status=201)
    grant = teller.post(story.clerk, "/stores/invitations/accept", {"code": invitation["code"]}, status=201)
    teller.same((grant["role"], grant["scope_name"]), ("store_clerk", SHOP), "凭邀请码成为")
    used = teller.post(story.rider, "/stores/invitations/accept", {"code": invitation["code"]}, status=410)
    teller.same(used["code"], "qrcode_inactive", "邀请码只用一次")


def open_shop(story: Shopping) -> None:
    """A contract says how the shop is paid; a holiday is announced; riders nearby see whether it is open."""
    teller, today = story.teller, clock.today()
    terms = {
        "number": f"演示-{secrets.token_hex(4)}", "signed_on": today.isoformat(), "starts_on": today.isoformat(),
        "ends_on": (today + timedelta(days=365)).isoformat(), "payee_name": SHOP, "bank_name": "演示银行",
        "bank_account": "6200000000000001",
    }
    signed = teller.post(story.maker, f"{story.store}/contracts", terms, status=201)
    seen = teller.get(story.owner, f"{story.store}/contracts")["items"][0]
    teller.same((seen["id"], seen["bank_account"]), (signed["id"], "****0001"), "店主看到的合同和账号（掩码）")
    shop = teller.get(story.owner, story.store)
    leave = (today + timedelta(days=20)).isoformat()
    changes = {"special_days": [{"from": leave, "to": leave, "closed": True, "note": "店休"}]}
    shop = teller.patch(story.owner, story.store, changes, version=shop["version"])
    teller.same([one["from"] for one in shop["special_days"]], [leave], "公布的休息日")
    lng, lat = story.community.middle
    near = teller.get(story.rider, "/stores/nearby", lng=lng, lat=lat, crs="gcj02", radius_m=500, category="restaurant")["items"]
    mine = next((one for one in near if one["id"] == story.store_id), None)
    teller.true(mine is not None and isinstance(mine["opening"]["open"], bool), "附近商家列出本店和营业状态")


def sell(story: Shopping) -> None:
    """Three cups of tea, two a day: the rider orders both, the third waits for tomorrow."""
    teller = story.teller
    offer = {
        "name": TEA, "kind": "goods", "points": PRICE, "stock": PIECES, "stock_per_day": A_DAY, "levels": [1, 2, 3, 4, 5],
        "per_member": {"count": 5, "period": "month"}, "store_ids": [story.store_id], "valid_days": 7, "settlement_cents": CENTS,
    }
    story.reward_id = teller.post(story.maker, "/rewards", offer, status=201)["id"]
    shown = teller.get(story.rider, f"/rewards/{story.reward_id}")
    found = (shown["stock_left"], shown["stock_left_today"], shown["eligible"], shown["settlement_cents"])
    teller.same(found, (PIECES, A_DAY, True, None), "总余量、今日余量、可否兑换、结算价（对骑手不显示）")
    proof = teller.upload(story.maker, "proof.jpg", photos.drawn(photos.AFTER))
    gift = {"member_id": story.rider.account_id, "amount": 5 * PRICE, "reason": "线下活动补记，见签到表", "upload_id": proof["id"]}
    asked = teller.post(story.maker, "/points/adjustments", gift, status=201, key=fresh_key())
    teller.post(story.checker, f"/points/adjustments/{asked['id']}/approve")
    wish = {"reward_id": story.reward_id, "quantity": 2}
    story.order = teller.post(story.rider, "/redemptions", wish, status=201, key=fresh_key())
    story.balance(available=3 * PRICE, held=2 * PRICE)
    late = teller.post(story.rider, "/redemptions", wish | {"quantity": 1}, status=409, key=fresh_key())
    teller.same((late["code"], late["period"], late["stock_left"]), ("out_of_stock", "day", 0), "今日已兑完")


def scan(story: Shopping) -> None:
    """The screen is scanned, looked at, verified, taken back. A screenshot of it never works again, a fresh one does."""
    teller, screenshot = story.teller, story.screen()
    seen = story.till("preview", screenshot)
    teller.same((seen["reward"]["name"], seen["quantity"]), (TEA, 2), "核销前看到的商品")
    story.till("verify", seen["confirm_token"])
    story.balance(available=3 * PRICE, held=0)
    teller.post(story.clerk, f"/redemptions/{story.order['id']}/undo", {"reason": "拿错了商品"}, key=fresh_key())
    story.balance(available=3 * PRICE, held=2 * PRICE)
    teller.same(story.till("verify", screenshot, status=410)["code"], "ticket_expired", "截屏不能再用")
    story.verified = story.till("verify", story.screen())
    lines = teller.get(story.owner, f"{story.store}/verifications")["items"]
    teller.same([line["undone_at"] is not None for line in lines], [False, True], "两次核销都留痕，第一次已撤销")


def prove(story: Shopping) -> None:
    """The slip proves itself, a made-up one does not; the day has a hash that the owner can note down."""
    teller = story.teller
    check_code = story.verified["slip"].rsplit(" ", 1)[1]
    slip = {"number": story.order["number"], "check_code": check_code}
    teller.same(teller.post(story.owner, f"{story.store}/slips/check", slip)["valid"], True, "凭证属实")
    forged = slip | {"check_code": "0000-0000-0000-0000"}
    teller.same(teller.post(story.owner, f"{story.store}/slips/check", forged)["valid"], False, "编造的凭证")
    today = teller.get(story.owner, f"{story.store}/days")["items"][0]
    found = (today["count"], today["undone"], today["cents"], len(today["head"]))
    teller.same(found, (2, 1, 2 * CENTS, 64), "当日核销、撤销、金额（分）和摘要长度")


def discount(story: Shopping) -> None:
    """A discount free of points: the rider shows who they are, the shop keeps a count and nobody's way."""
    teller, today = story.teller, clock.today().isoformat()
    offer = {"title": "骑手茶水 8 折", "terms": "凭会员码，全场 8 折", "starts_on": today}
    made = teller.post(story.owner, f"{story.store}/discounts", offer, status=201)
    code = teller.get(story.rider, "/members/me/identity-code")["token"]
    visit = teller.post(story.clerk, f"{story.store}/visits", {"token": code, "discount_id": made["id"]})
    teller.true(visit["visit"] is not None and SHOP not in visit["member"], f"给 {visit['member']} 打折")
    again = teller.post(story.clerk, f"{story.store}/visits", {"token": code, "discount_id": made["id"]}, status=410)
    teller.same(again["code"], "ticket_expired", "会员码只用一次")
    teller.same(teller.get(story.owner, f"{story.store}/visits")["total"], 1, "到店合计")


def pay(story: Shopping) -> None:
    """A correction takes two persons and stands in an open month; the statement is the same file each time; the budget knows it all."""
    teller = story.teller
    path = f"{story.store}/settlements/{story.month}"
    asked = teller.post(story.maker, f"{path}/corrections", {"cents": -30, "reason": "杯套由县里统一提供"}, status=201)
    own = teller.post(story.maker, f"{path}/corrections/{asked['id']}/approve", status=403)
    teller.same(own["code"], "forbidden", "登记人自己同意被拒")
    teller.post(story.checker, f"{path}/corrections/{asked['id']}/approve")
    shown = teller.get(story.owner, path)
    teller.same((shown["status"], shown["count"], shown["lines_cents"], shown["total_cents"]), ("open", 1, 360, 330), "结算单")
    files = [teller.download(story.owner, f"{path}?format=pdf").content for _ in range(2)]
    teller.true(files[0] == files[1] and files[0].startswith(b"%PDF"), "两次下载的结算单逐字节相同")
    county = next(one for one in teller.get(story.maker, "/members/me")["grants"] if one["role"] == "area_admin")
    budget = teller.get(story.maker, "/budgets", area_id=county["scope_id"])
    now = budget["now"]
    teller.same(now["available"] + now["held"] - now["debt"], now["liability"], "可用 + 冻结 − 欠缴 = 负债（积分）")
    waiting = teller.get(story.maker, "/collusion/cases", area_id=county["scope_id"])
    teller.true(isinstance(waiting["items"], list), "待人工复核的异常核销（只提示，不处罚）")


def dismiss(story: Shopping) -> None:
    """The owner lets the clerk go: the next scan is refused."""
    teller = story.teller
    grants = teller.get(story.owner, f"{story.store}/staff")["items"]
    mine = next(grant for grant in grants if grant["account_id"] == story.clerk.account_id)
    teller.delete(story.owner, f"{story.store}/staff/{mine['id']}")
    teller.same(story.till("preview", "gone", status=404)["code"], "not_found", "离职店员再扫码")


STEPS: tuple[tuple[str, Callable[[Shopping], None]], ...] = (
    ("商家入驻", join), ("邀请店员", staff), ("合同与营业", open_shop), ("每日限量", sell), ("动态码与撤销", scan), ("凭证与日摘要", prove),
    ("会员折扣", discount), ("更正与预算", pay), ("店员离职", dismiss),
)
