"""The canary: every word of a rider and about one, the rider's story as far as it was told, and how one calls and runs things in it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy as sa

from app.db.session import Database
from app.jobs.registry import HANDLERS, PERIODIC, Context
from app.settings import Settings
from app.wechat.client import WeChatClient
from tests.support.branches import Branch
from tests.support.canaries import Canary
from tests.support.county import County
from tests.support.newcomer import Caller
from tests.support.queue import queued
from tests.support.simulator import RunningSimulator

PHONE, MASKED, FIRST_PHONE = "13977553311", "139****3311", "13977553322"
MARKER = "雀羽标记XQ7731"  # inside the photo's file: EXIF, comment, tail
# What the rider is and writes. The second figure says whether it must never stand in clear at rest.
GIVEN = (
    ("phone", PHONE, True), ("masked phone", MASKED, False), ("real name", "禤金丝雀", True), ("nickname", "雀跃昵称甲", True),
    ("employer", "雀鸣闪送站点甲", False), ("home branch", "雀巢县朱雀村第九党支部", True), ("joined on", "1953-02-17", True),
    ("away since", "1999-11-03", True), ("description", "雀栏路口描述癸卯", True), ("address", "雀舌巷七十七号", True),
    ("feedback comment", "雀噪评价甲寅", False), ("reopen reason", "雀立重开乙卯", False), ("complaint", "雀意见正文丙辰", True),
    ("objection", "雀异议理由丁巳", False), ("clerk's undo reason", "雀撤销说明庚申", False), ("device", "QueueBird-Phone/77.31", False),
    ("key", "key-quebird-7731-report", False), ("clerk's key", "key-quebird-7731-verify", False),
    ("check-in note", "雀报到备注乙亥", True), ("visit note", "雀走访记录丙子", True),
    ("shop name", "雀鸣便利店辛巳", False), ("shop address", "雀尾街九十九号", False),
    ("request id", "request-quebird-7731", True), ("work since", "1998-04-09", False), ("photo marker", MARKER, True),
)
# What others write about the rider.
ABOUT = (
    ("return reason", "雀补正理由戊午", True), ("contact note", "雀联系记录己未", True), ("transfer reason", "雀转接理由辛酉", True),
    ("complaint answer", "雀答复正文壬戌", True), ("accept note", "雀受理备注甲子", False), ("verify note", "雀核查备注乙丑", False),
    ("decide note", "雀裁定备注丙寅", False), ("adjustment reason", "雀补记理由丁卯", False), ("pending reason", "雀待批理由戊辰", False),
    ("undo reason", "雀撤核理由己巳", False), ("reveal reason", "雀查看理由庚午", False), ("message", "雀站内信正文辛未", False),
    ("roster note", "雀名册备注壬申", True), ("follow-up", "雀线索联系癸酉", True), ("revocation", "雀撤聘理由甲戌", True),
    ("shortlist note", "雀评定说明丁丑", True), ("award reason", "雀奖励理由戊寅", False), ("refusal reason", "雀不予确认己卯", False),
    ("lift reason", "雀解除理由庚辰", False), ("application reason", "雀入驻退回壬午", False),
    ("case note", "雀核销复核癸未", False), ("moderation note", "雀审核说明甲申", False),
)
SELF_WRITTEN = {name for name, _, _ in GIVEN} - {"request id", "photo marker", "masked phone", "key", "clerk's key"}


@dataclass
class Story:
    """Everything that the tests look at. `canaries` are all words, those of the photos' objects included; `sent` are the rider's files."""

    settings: Settings
    database: Database
    wechat: WeChatClient
    store: Any
    http: httpx.AsyncClient
    simulator: RunningSimulator
    county: County = field(default=None)  # type: ignore[assignment]
    branch: Branch = field(default=None)  # type: ignore[assignment]
    staff: dict[str, Caller] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    rider: Caller = field(default=None)  # type: ignore[assignment]
    other: Caller = field(default=None)  # type: ignore[assignment]
    canaries: list[Canary] = field(default_factory=list)
    photo_keys: list[str] = field(default_factory=list)
    official_keys: list[str] = field(default_factory=list)
    indexes: list[bytes] = field(default_factory=list)
    closing: dict[str, int] = field(default_factory=dict)
    sent: list[bytes] = field(default_factory=list)
    copy: str = ""

    @property
    def url(self) -> str:
        return str(self.settings.database_url)

    @property
    def folder(self) -> Path:
        return self.settings.data_dir / "objects"

    @property
    def rider_id(self) -> UUID:
        return UUID(self.rider.id)

    def context(self) -> Context:
        return Context(self.database, self.wechat, self.store, self.settings)

    def word(self, name: str) -> str:
        return next(canary.value for canary in self.canaries if canary.name == name)

    async def run(self, name: str) -> None:
        await PERIODIC[name][1](self.context())

    async def work_off(self) -> None:
        """Runs what is queued, whenever it was to run, until nothing is left: a job that is done leaves no row."""
        for _ in range(20):
            async with self.database.transaction() as session:
                jobs = await queued(session)
                connection = await session.connection()
                await connection.execute(sa.text("delete from jobs.pgqueuer"))
            if not jobs:
                return
            for name, payload in jobs:
                await HANDLERS[name](self.context(), payload)
        raise AssertionError("the queue does not empty")

    async def sign_in(self, name: str, device: str) -> Caller:
        answer = await self.http.post(
            "/api/v1/auth/wechat", json={"code": await self.simulator.code(name)}, headers={"User-Agent": device}
        )
        assert answer.status_code == 200, answer.text
        tokens = answer.json()
        return Caller(self.http, name, id=tokens["account"]["id"], tokens=tokens)

    async def bind(self, caller: Caller, phone: str) -> None:
        await caller.does("POST", "/members/me/phone", {"code": await self.simulator.phone_code(caller.name, phone)})
        caller.phone = phone

    async def agree(self, caller: Caller, *purposes: str) -> None:
        texts = {text["purpose"]: text["version"] for text in (await self.http.get("/api/v1/members/consent-texts")).json()}
        for purpose in purposes:
            await caller.does("PUT", f"/members/me/consents/{purpose}", {"version": texts[purpose], "granted": True})
