"""A new rider arrives: signs in, binds a phone, agrees."""

import secrets

from app.demo.telling import Person, Teller

PURPOSES = ("service", "location")


def arrive(teller: Teller, rider: Person) -> None:
    """Signs somebody in for the first time, with all that filing a report asks for."""
    account = teller.enter(rider)
    teller.same((account["kind"], account["status"], account["created"]), ("wechat", "active", True), "新账号")
    phone = f"13{secrets.randbelow(10**9):09d}"
    bound = teller.post(rider, "/members/me/phone", {"code": teller.wechat(rider, kind="phone", phone=phone)})
    teller.same(bound["phone"], f"{phone[:3]}****{phone[-4:]}", "绑定的手机号（掩码）")
    texts = {text["purpose"]: text["version"] for text in teller.get(None, "/members/consent-texts")}
    for purpose in PURPOSES:
        said = teller.put(rider, f"/members/me/consents/{purpose}", {"version": texts[purpose], "granted": True})
        teller.same(said["granted"], True, f"同意 {purpose}")
