"""Bodies and answers of members, and the shapes that other features embed."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from app.members.models import Purpose
from app.schemas import Body, Day, Instant, Line, Named, Out, Text, Token, Word

# A constraint in `Field` would be overruled by those of the type that it stands beside.
Version = Annotated[Word, StringConstraints(max_length=32)]
SAID: dict[str, Any] = {"purpose": "service", "version": "2026-11", "granted": True, "at": "2026-11-24T02:00:00Z", "current": True}
TEXT: dict[str, Any] = {"purpose": "location", "version": "2026-11", "title": "位置信息使用说明", "text": "……"}
WORK: dict[str, Any] = {
    "id": "01933c5e-7a00-7000-8000-000000000021",
    "enterprise": {"id": "01933c5e-7a00-7000-8000-000000000022", "name": "迅达配送有限公司"}, "name": None, "since": "2026-03-01",
    "until": None, "source": "self", "allowed": ["end"],
}


class EmployerIn(Body):
    """An employer: a known enterprise, or the name of one that we do not know."""

    model_config = {"json_schema_extra": {"examples": [{"enterprise_id": None, "name": "兖州闪送站点", "since": "2026-03-01"}]}}

    enterprise_id: UUID | None = None
    name: Line | None = None
    since: Day | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.enterprise_id is None and self.name is None:
            raise ValueError("请选择企业或填写单位名称")
        return self


class ConsentGiven(Body):
    """A yes to one text, given inside another call."""

    model_config = {"json_schema_extra": {"examples": [{"purpose": "service", "version": "2026-11"}]}}

    purpose: Purpose
    version: Version


class ConsentIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"version": "2026-11", "granted": True}]}}

    version: Version = Field(description="取自 GET /members/consent-texts")
    granted: bool


class ConsentOut(Out):
    """What a person last said about one purpose. `current` false: the text has changed so that the yes no longer counts; ask anew."""

    model_config = {"json_schema_extra": {"examples": [SAID]}}

    purpose: Purpose
    version: str
    granted: bool
    at: Instant
    current: bool


class SaidOut(ConsentOut):
    """One yes or no of the past, with the title of what was read. `current`: it is the one that counts now."""

    model_config = {"json_schema_extra": {"examples": [SAID | {"title": "用户服务协议与个人信息处理说明"}]}}

    title: str


class ConsentTextIn(Body):
    """A new version of a text, in force from now on. `renew`: those who agreed to an older one must agree anew."""

    model_config = {"json_schema_extra": {"examples": [TEXT | {"version": "2027-01", "renew": True}]}}

    purpose: Purpose
    version: Version
    title: Line
    text: Text
    renew: bool


class ConsentTextOut(Out):
    """`required_for`: what cannot be done without it. `withdrawal`: what a withdrawal closes."""

    model_config = {
        "json_schema_extra": {
            "examples": [TEXT | {"required_for": ["随手拍上报"], "withdrawal": "撤回后不能再提交上报，其他功能不受影响。"}]
        }
    }

    purpose: Purpose
    version: str
    title: str
    text: str
    required_for: list[str]
    withdrawal: str


class WorkEnd(Body):
    model_config = {"json_schema_extra": {"examples": [{"until": "2026-11-20"}]}}

    until: Day | None = Field(default=None, description="最后一天，默认今天")


class WorkOut(Out):
    """One work relation: with an enterprise that we know, or with one that the person named. `until` is its last day."""

    model_config = {"json_schema_extra": {"examples": [WORK]}}

    id: UUID
    enterprise: Named | None
    name: str | None
    since: Day | None
    until: Day | None
    source: Literal["self"]
    allowed: list[str]


class PhoneIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"code": "0e3ab1Ga1x2yzI0b3cGa1abcde3ab1GQ"}]}}

    code: Token = Field(description="手机号按钮（getPhoneNumber）返回的 code")


class PhoneOut(Out):
    model_config = {"json_schema_extra": {"examples": [{"phone": "138****8000"}]}}

    phone: str
