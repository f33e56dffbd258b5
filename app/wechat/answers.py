"""What the answers of WeChat say, checked before anybody believes them."""

import asyncio
import io
import re
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from app import clock
from app.errors import WeChatUnavailable
from app.wechat import rules
from app.wechat.errors import WeChatCodeInvalid
from app.wechat.rules import Means
from app.wechat.transport import PNG_START, Answer

MOBILE = re.compile(r"1[3-9][0-9]{9}")
SCHEME = re.compile(r"weixin://dl/business/\?[\w.~:/?#@!$&()*+,;=%-]+", re.ASCII)
ADDRESS = re.compile(r"https://[\w.-]+/[\w.~:/?#@!$&()*+,;=%-]+", re.ASCII)
CODE_LIFE = timedelta(minutes=6)  # five, and one for clocks that differ
PICTURE_SIDE = 2_000  # pixels; WeChat draws at most 1,280


@dataclass(frozen=True, slots=True)
class Session:
    """Who signed in. `unionid` exists only when the mini program is bound to an Open Platform account."""

    openid: str = field(repr=False)
    unionid: str | None = field(repr=False)


class Verdict(StrEnum):
    """What WeChat advises about a content. Much Party-building text comes back as `review`: a person must look, nothing is refused."""

    PASS = "pass"
    REVIEW = "review"
    RISKY = "risky"

    def weight(self) -> int:
        return list(Verdict).index(self)


def expect_good(answer: Answer) -> None:
    """Raises what the table has for the errcode."""
    if answer.errcode:
        raise rules.refusal(answer.call, answer.errcode)


def text(answer: Answer, name: str) -> str:
    """A text that a good answer must have. Raises WeChatUnavailable when it is not there."""
    expect_good(answer)
    value = answer.data.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 1_024:
        raise WeChatUnavailable
    return value


def link(answer: Answer) -> str:
    """A web address. Raises WeChatUnavailable for anything that a browser should not be sent to."""
    value = text(answer, "url_link")
    if not ADDRESS.fullmatch(value):
        raise WeChatUnavailable
    return value


def scheme(answer: Answer) -> str:
    """An address that opens WeChat itself. Raises WeChatUnavailable for any other."""
    value = text(answer, "openlink")
    if not SCHEME.fullmatch(value):
        raise WeChatUnavailable
    return value


def risk_rank(answer: Answer) -> int:
    """0 to 4: the more the riskier."""
    expect_good(answer)
    rank = answer.data.get("risk_rank")
    if not isinstance(rank, int) or rank not in range(5):
        raise WeChatUnavailable
    return rank


def session(answer: Answer) -> Session:
    return Session(text(answer, "openid"), text(answer, "unionid") if answer.data.get("unionid") else None)


def phone_number(answer: Answer, *, appid: str) -> str:
    """The number, if it was asked for in our mini program and just now."""
    expect_good(answer)
    try:
        info = answer.data["phone_info"]
        watermark = info["watermark"]
        age = clock.now().timestamp() - float(watermark["timestamp"])
        number, country = str(info["purePhoneNumber"]), str(info["countryCode"])
    except (KeyError, TypeError, ValueError):
        raise WeChatUnavailable from None
    if watermark.get("appid") != appid or not abs(age) <= CODE_LIFE.total_seconds():
        raise WeChatCodeInvalid
    if country.lstrip("+") != "86" or not MOBILE.fullmatch(number):
        raise WeChatCodeInvalid("仅支持中国大陆手机号，请更换后重试")
    return number


def verdict(answer: Answer) -> Verdict:
    if rules.rule(answer.call, answer.errcode).means is Means.FOR_PEOPLE:
        return Verdict.REVIEW
    expect_good(answer)
    result = answer.data.get("result")
    try:
        return Verdict(result["suggest"] if isinstance(result, dict) else "")
    except (KeyError, ValueError):
        raise WeChatUnavailable from None


async def png(answer: Answer) -> bytes:
    """The picture as PNG. WeChat often sends JPEG, which is drawn anew."""
    expect_good(answer)
    picture = answer.picture
    if picture is None:
        raise WeChatUnavailable
    return picture if picture.startswith(PNG_START) else await asyncio.to_thread(_redrawn, picture)


def _redrawn(picture: bytes) -> bytes:
    from PIL import Image  # by the first code that comes as JPEG: most processes never see one, and it takes 5 MB

    out = io.BytesIO()
    try:
        with Image.open(io.BytesIO(picture), formats=["JPEG"]) as image:
            if max(image.size) > PICTURE_SIDE:
                raise WeChatUnavailable
            image.convert("RGB").save(out, "PNG")
    except (OSError, ValueError, SyntaxError):
        raise WeChatUnavailable from None
    return out.getvalue()
