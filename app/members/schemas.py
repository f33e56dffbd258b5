"""Bodies and answers of members, and the shapes that other features embed."""

from typing import Self
from uuid import UUID

from pydantic import Field, model_validator

from app.members.models import Purpose
from app.schemas import Body, Day, Instant, Line, Out, Token, Word


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
    version: Word = Field(max_length=32)


class ConsentIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"version": "2026-11", "granted": True}]}}

    version: Word = Field(max_length=32, description="取自 GET /members/consent-texts")
    granted: bool


class ConsentOut(Out):
    """What a person last said about one purpose."""

    model_config = {
        "json_schema_extra": {"examples": [{"purpose": "service", "version": "2026-11", "granted": True, "at": "2026-11-24T02:00:00Z"}]}
    }

    purpose: Purpose
    version: str
    granted: bool
    at: Instant


class ConsentTextOut(Out):
    model_config = {
        "json_schema_extra": {"examples": [{"purpose": "location", "version": "2026-11", "title": "位置信息使用说明", "text": "……"}]}
    }


    purpose: Purpose
    version: str
    title: str
    text: str


class PhoneIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"code": "0e3ab1Ga1x2yzI0b3cGa1abcde3ab1GQ"}]}}

    code: Token = Field(description="手机号按钮（getPhoneNumber）返回的 code")


class PhoneOut(Out):
    model_config = {"json_schema_extra": {"examples": [{"phone": "138****8000"}]}}

    phone: str
