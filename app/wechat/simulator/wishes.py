"""What may be ordered of the simulator, field by field."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=64)]
Path = Annotated[str, Field(pattern=r"^(/[A-Za-z0-9_/-]+|\*)$", max_length=128)]


class Wish(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CodeWish(Wish):
    """What `wx.login` or the phone button gives."""

    person: Name
    kind: Literal["login", "phone"]
    phone: Annotated[str, Field(pattern=r"^[0-9]{5,15}$")] | None = None
    country: Annotated[str, Field(pattern=r"^[0-9]{1,3}$")] = "86"


class PermissionWish(Wish):
    """How many subscription messages a person takes, said outright; no event is pushed."""

    person: Name
    template_id: Name
    count: Annotated[int, Field(ge=0, le=1_000)]


class TemplateWish(Wish):
    """A template of the mini program and the keys of its values. From the first one on, only such templates are known."""

    template_id: Name
    keys: Annotated[list[Annotated[str, Field(pattern=r"^[a-z_]+[0-9]+$")]], Field(min_length=1, max_length=10)]


class SubscriptionWish(Wish):
    """What a person taps; see `subscriptions.decide`. The event is pushed."""

    person: Name
    template_id: Name
    answer: Literal["accept", "reject", "off", "mute"]


class PersonWish(Wish):
    """`visited`: so many seconds ago. Without anything it tells the person's openid."""

    person: Name
    risk_rank: Annotated[int, Field(ge=0, le=4)] | None = None
    blocked: bool | None = None
    visited: Annotated[float, Field(ge=0)] | None = None


class FaultWish(Wish):
    """See `Fault`. `seconds` are the simulator's: it then lasts so long, however often it is met."""

    path: Path
    times: Annotated[int, Field(ge=1, le=1_000_000)] | None = 1
    seconds: Annotated[float, Field(gt=0)] | None = None
    errcode: int | None = None
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    body: Annotated[str, Field(max_length=100_000)] | None = None
    size: Annotated[int, Field(ge=0, le=64 << 20)] | None = None
    delay: Annotated[float, Field(ge=0, le=120)] = 0
    drip: Annotated[float, Field(ge=0, le=10)] = 0
    cut: bool = False


class ClockWish(Wish):
    """Time goes forward only."""

    advance: Annotated[float, Field(ge=0, le=10 * 366 * 86_400)]


class QuotaWish(Wish):
    path: Path
    minute: Annotated[int, Field(ge=0, le=100_000_000)] | None = None
    daily: Annotated[int, Field(ge=0, le=100_000_000)] | None = None


class MannersWish(Wish):
    """See `Manners`; what is left out stays."""

    latency: Annotated[float, Field(ge=0, le=10)] | None = None
    grants: Literal["free", "budget"] | None = None
    media_seconds: Annotated[float, Field(ge=0, le=86_400)] | None = None
    media_suggest: Literal["pass", "review", "risky", "never"] | None = None
    published: bool | None = None
    deliveries: Annotated[int, Field(ge=1, le=10)] | None = None


class VerdictWish(Wish):
    """The result of a media check, pushed at once. An `errcode` (-1008: the picture could not be had) leaves no verdict."""

    trace_id: Name
    suggest: Literal["pass", "review", "risky"] = "pass"
    errcode: int = 0


class PushWish(Wish):
    """Where events go from now on."""

    url: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=512)]
    token: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{3,32}$")]
    aes_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}$")] | None = None
    form: Literal["json", "xml"] = "json"
