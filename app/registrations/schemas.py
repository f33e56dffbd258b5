"""Bodies and answers of registrations."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from app.members.schemas import ConsentGiven, EmployerIn
from app.registrations.models import CardPhone, Direction, Management, MatchedBy, Status
from app.registrations.workflow import PoliticalStatus
from app.schemas import Body, Day, Instant, Line, Named, Note, Occupation, Out, Text, Token, Word

ID = "01933c5e-7a00-7000-8000-000000000004"
ORGANISATION: dict[str, Any] = {"id": "01933c5e-7a00-7000-8000-000000000005", "name": "兖州区快递行业党支部"}
AREA: dict[str, Any] = {"id": "01933c5e-7a00-7000-8000-000000000003", "name": "文化路社区"}
PARTY: dict[str, Any] = {
    "home_branch": "河南省周口市某村党支部", "joined_on": "2012-07-01", "relation": "elsewhere", "away_since": "2024-03-01",
}
EMPLOYER: dict[str, Any] = {"enterprise_id": None, "name": "兖州闪送站点", "since": "2026-03-01"}
BODY: dict[str, Any] = {
    "scene": "7k3m9q2x5t8v", "phone_code": None, "consents": [{"purpose": "service", "version": "2026-11"}], "real_name": "王小明",
    "occupation": "food_delivery", "work_area_id": AREA["id"], "employers": [EMPLOYER], "political_status": "full_member", "party": PARTY,
}
MATCH: dict[str, Any] = {"reason": "scanned", "text": "扫描该组织的二维码登记"}
EXAMPLE: dict[str, Any] = {
    "id": ID, "number": "S20261124-000017", "direction": "org_seeks_member", "status": "approved", "organisation": ORGANISATION,
    "match": MATCH, "real_name": "王小明", "occupation": "food_delivery", "work_area": AREA, "employers": [EMPLOYER],
    "political_status": "full_member", "party": PARTY, "reason": None, "management": "mobile",
    "contact": {"name": "李书记", "phone": "0537-3412345"}, "next_contact_on": "2026-12-01", "at": "2026-11-24T02:00:00Z", "version": 2,
    "allowed": ["update", "withdraw"],
}
MEMBER: dict[str, Any] = {"id": "01933c5e-7a00-7000-8000-000000000001", "name": "王小明", "phone": "138****8000"}
Scene = Annotated[str, StringConstraints(min_length=1, max_length=32)]
Employers = Annotated[list[EmployerIn], Field(max_length=10)]


class PartyIn(Body):
    """What a Party member declares; kept sealed, read by the organisation's secretary alone."""

    model_config = {"json_schema_extra": {"examples": [PARTY]}}

    home_branch: Line = Field(description="组织关系所在党支部")
    joined_on: Day | None = None
    relation: Literal["here", "elsewhere"] = Field(description="组织关系在本地还是外地")
    away_since: Day | None = None


class _Declared(Body):
    @model_validator(mode="after")
    def _party_fits(self) -> Self:
        political: PoliticalStatus | None = getattr(self, "political_status", None)
        if political is not None and not political.in_party and getattr(self, "party", None) is not None:
            raise ValueError("非党员无需填写党员信息")
        return self


class RegistrationIn(_Declared):
    """`scene`: the code that was scanned; `phone_code` while no phone is bound; `consents` given in this very call.

    Without `employers` the ones that are known stay.
    """

    model_config = {"json_schema_extra": {"examples": [BODY]}}

    scene: Scene | None = None
    phone_code: Token | None = None
    consents: Annotated[list[ConsentGiven], Field(max_length=5)] = []
    real_name: Word
    occupation: Occupation
    work_area_id: UUID
    employers: Employers = []
    political_status: PoliticalStatus
    party: PartyIn | None = None


class RegistrationPatch(_Declared):
    """What is given is changed: everything while it is returned (it is then submitted again), else work area, employers, occupation."""

    model_config = {"json_schema_extra": {"examples": [{"work_area_id": AREA["id"], "occupation": "courier"}]}}

    real_name: Word | None = None
    occupation: Occupation | None = None
    work_area_id: UUID | None = None
    employers: Employers | None = None
    political_status: PoliticalStatus | None = None
    party: PartyIn | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set or any(getattr(self, name) is None for name in self.model_fields_set):
            raise ValueError("请填写要修改的内容，不能为空")
        return self


class ApproveIn(Body):
    """`organisation_id`: the organisation that takes the person in, when not the one that approves; the contact person is of it."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {"management": "mobile", "organisation_id": None, "contact_account_id": MEMBER["id"], "next_contact_on": "2026-12-01"}
            ]
        }
    }

    management: Management
    organisation_id: UUID | None = None
    contact_account_id: UUID
    next_contact_on: Day


class ReasonIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"reason": "请补充组织关系所在党支部的全称"}]}}

    reason: Note


class TransferIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"organisation_id": ORGANISATION["id"], "reason": "本人主要在该片区工作"}]}}

    organisation_id: UUID
    reason: Note


class ContactIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"note": "已电话联系，近期可参加组织生活", "next_contact_on": "2026-12-08"}]}}

    note: Text
    next_contact_on: Day


class ContactPersonIn(Body):
    """`next_contact_on` stays as it is when it is not given."""

    model_config = {"json_schema_extra": {"examples": [{"contact_account_id": MEMBER["id"], "next_contact_on": "2026-12-08"}]}}

    contact_account_id: UUID
    next_contact_on: Day | None = None


class ContactCardIn(Body):
    """`real_name` is for officials who never registered themselves: whom members may call has a name."""

    model_config = {"json_schema_extra": {"examples": [{"phone": "own", "real_name": "李书明"}]}}

    real_name: Word | None = None
    phone: CardPhone = Field(description="向本人负责联系的成员显示：office 组织电话，own 本人手机号，none 不显示")


class ContactCardOut(Out):
    """Which name and number those whom one looks after are shown; without a name it is that of the office."""

    model_config = {"json_schema_extra": {"examples": [{"phone": "office", "real_name": "李书明"}]}}

    real_name: str | None

    phone: CardPhone


class EmployerOut(Out):
    enterprise_id: UUID | None
    name: str | None
    since: Day | None


class ContactPerson(Out):
    """The contact person; the phone is the office's, or the own one where the contact person agreed, for the member alone."""

    name: str
    phone: str | None


class MatchOut(Out):
    """How the organisation was found; null once the registration was handed on to another."""

    reason: MatchedBy
    text: str


class PartyOut(Out):
    home_branch: str
    joined_on: Day | None
    relation: str
    away_since: Day | None


class RegistrationOut(Out):
    """One's own registration. `reason` is why it was returned or rejected; `contact` is there once it is approved."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: UUID
    number: str
    direction: Direction
    status: Status
    organisation: Named | None
    match: MatchOut | None
    real_name: str | None
    occupation: Occupation | None
    work_area: Named
    employers: list[EmployerOut]
    political_status: PoliticalStatus | None
    party: PartyOut | None
    reason: str | None
    management: Management | None
    contact: ContactPerson | None
    next_contact_on: Day | None
    at: Instant
    version: int
    allowed: list[str]
