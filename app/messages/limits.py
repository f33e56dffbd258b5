"""WeChat's limits of the values of a subscription message, by the kind that a key names, and whether what we would fill in always fits.

One value that does not fit stops the whole message (47003), and nobody sees why: a template is judged before it is saved. Pure.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from string import Formatter

from app.messages import workflow
from app.wechat import subscription

KEY = re.compile(r"([a-z]+(?:_[a-z]+)*)[0-9]{1,2}")
DATE = r"\d{4}年\d{1,2}月\d{1,2}日"
HOUR = r"([01]?\d|2[0-3]):[0-5]\d"
MOMENT = rf"({DATE}( {HOUR})?|{HOUR})"


@dataclass(frozen=True, slots=True)
class Kind:
    """`words` tells an administrator what fits, `most` is its length. Of `enum` only the mini program's console knows the values."""

    words: str
    most: int
    pattern: re.Pattern[str]


def _kind(words: str, most: int, pattern: str) -> Kind:
    return Kind(words, most, re.compile(pattern))


KINDS: Mapping[str, Kind] = {
    "thing": _kind("20 个以内字符", 20, r".{1,20}"),
    "number": _kind("32 位以内数字，可带小数", 32, r"(?=.{1,32}$)\d+(\.\d+)?"),
    "letter": _kind("32 位以内字母", 32, r"[A-Za-z]{1,32}"),
    "symbol": _kind("5 位以内符号", 5, r"[!-/:-@\[-`{-~]{1,5}"),
    "character_string": _kind("32 位以内数字、字母或符号", 32, r"[\x21-\x7e]{1,32}"),
    "time": _kind("24 小时制时间，可带年月日", 40, rf"{MOMENT}( ?~ ?{MOMENT})?"),
    "date": _kind("年月日，可带 24 小时制时间", 40, rf"{DATE}( {HOUR})?( ?~ ?{DATE}( {HOUR})?)?"),
    "amount": _kind("1 个币种符号加 10 位以内数字，可带小数，结尾可带“元”", 15, r"[¥￥]?\d{1,10}(\.\d{1,2})?元?"),
    "phone_number": _kind("17 位以内数字、符号", 17, r"[0-9+() -]{1,17}"),
    "car_number": _kind("8 位以内车牌号", 8, r"\w{1,8}"),
    "name": _kind("10 个以内汉字或 20 个以内字母", 20, r"[一-鿿]{1,10}|[A-Za-z]{1,20}"),
    "phrase": _kind("5 个以内汉字", 5, r"[一-鿿]{1,5}"),
}
# What a message may hold at its worst: nobody foresees a title, a number may be missing, instants have both widths.
TITLES = ("长" * 60, "第 3 次，R20261122-000017：已受理（100%）", "OK", "已")
NUMBERS = ("R20261122-000017", None)
INSTANTS = (datetime(2026, 1, 2, 0, 5, tzinfo=UTC), datetime(2026, 12, 22, 15, 45, tzinfo=UTC))
NEVER_TOLD = ("党", "团员", "政治面貌", "诉求", "积极分子", "发展对象")


@dataclass(frozen=True, slots=True)
class Shown:
    """A value as WeChat would show it; `cut`: something of it is lost."""

    key: str
    kind: str
    most: int
    value: str
    cut: bool


def problems(fields: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(key, what is wrong with it) for each field that WeChat could refuse, or that would tell more than a glance may."""
    for key, text in fields.items():
        wrong = _wrong(key, text)
        if wrong is not None:
            yield key, wrong


def shown(fields: Mapping[str, str], *, title: str, number: str | None, at: datetime) -> list[Shown]:
    """The values of a message, for a preview of fields that have no problem."""
    filled = workflow.fill(dict(fields), title=title, number=number, at=at)
    fitted = subscription.fitted(filled)
    return [
        Shown(key, kind, KINDS[kind].most, fitted[key]["value"], fitted[key]["value"] != filled[key])
        for key, kind in ((key, _kind_of(key)) for key in fields) if kind is not None
    ]


def _kind_of(key: str) -> str | None:
    named = KEY.fullmatch(key)
    return named[1] if named and named[1] in KINDS else None


def _wrong(key: str, text: str) -> str | None:
    kind = _kind_of(key)
    if kind is None:
        return "不是微信订阅消息的字段，应为类型加序号，例如 thing1"
    try:
        named = {(name, spec, conversion) for _, name, spec, conversion in Formatter().parse(text) if name is not None}
    except ValueError:
        return "花括号不成对"
    if not named <= {(name, "", None) for name in workflow.FILLED}:
        return "只能引用 {title}、{number}、{at}"
    if discloses(text):
        return "不能含有党员身份、诉求等敏感内容"
    fits = all(KINDS[kind].pattern.fullmatch(value) for value in _worst(key, text))
    return None if fits else f"填入后可能不符合微信要求：{KINDS[kind].words}"


def _worst(key: str, text: str) -> Iterator[str]:
    for title in TITLES:
        for number in NUMBERS:
            for at in INSTANTS:
                yield subscription.fitted(workflow.fill({key: text}, title=title, number=number, at=at))[key]["value"]


def discloses(text: str) -> bool:
    """Whether a text speaks of what never leaves through WeChat or an SMS: Party matters, demands."""
    return any(word in text for word in NEVER_TOLD)
