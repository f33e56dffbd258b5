"""Every error code of WeChat that its pages name, or the simulator can answer, against what is documented for it: calls made, and what
the caller hears. The codes and the expectations are written out here, not read from the table."""

import re
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from app.errors import WeChatUnavailable
from app.wechat import rules
from app.wechat.answers import Verdict
from app.wechat.client import WeChatClient
from app.wechat.errors import (
    SubscriptionRefused,
    WeChatAccountBlocked,
    WeChatCodeInvalid,
    WeChatRefused,
    WeChatStopped,
)
from app.wechat.rules import Means, Then
from app.wechat.simulator import refusal
from app.wechat.simulator.refusal import MEANINGS
from tests.wechat.conftest import Join
from tests.wechat.fake import SECRET, Fake

LINK = "/wxa/generate_urllink"
SIGN_IN, PHONE, TOKEN = "/sns/jscode2session", "/wxa/business/getuserphonenumber", "/cgi-bin/stable_token"
SEND, PICTURE = "/cgi-bin/message/subscribe/send", "/wxa/getwxacodeunlimit"
CHECK_TEXT, CHECK_MEDIA, RISK = "/wxa/msg_sec_check", "/wxa/media_check_async", "/wxa/getuserriskrank"
SOURCES = sorted(Path(refusal.__file__).parent.glob("*.py"))
CODE = re.compile(r"\b(?:4[0-9]|6[1-9]|7[0-9]|8[5-7])[0-9]{3}\b")  # an errcode; days and quotas are written with other figures
# All numbers of ../shared/design/wechat.md that an answer can carry, and those of the guide to API security.
ON_ITS_PAGES = {
    -1, 40001, 40002, 40003, 40013, 40014, 40029, 40037, 40125, 40129, 40163, 40164, 40212, 40226, 40243, 41002, 41004, 41030, 42001, 43101,
    43104, 43108, 43302, 44002, 45009, 45011, 45168, 47001, 47003, 61010, 76001, 76002, 76003, 76004, 85079, 85400, 85401, 85402, 87008,
    87009, *range(40230, 40241),
}
# code: calls that were made, what the caller heard. All others: one call, refused.
SPECIAL: dict[int, tuple[int, type[Exception]]] = {
    -1: (3, WeChatUnavailable), 45011: (3, WeChatUnavailable), 40001: (2, WeChatUnavailable), 42001: (2, WeChatUnavailable),
    40014: (2, WeChatUnavailable), 45009: (1, WeChatStopped), 43108: (1, WeChatUnavailable), 43101: (1, SubscriptionRefused),
    40226: (1, WeChatAccountBlocked),
}
# What the same code means in a call of its own.
IN_A_CALL: list[tuple[str, int, int, type[Exception] | Verdict]] = [
    (SIGN_IN, 40029, 1, WeChatCodeInvalid), (SIGN_IN, 40163, 1, WeChatCodeInvalid), (SIGN_IN, 41008, 1, WeChatCodeInvalid),
    (SIGN_IN, 40226, 1, WeChatAccountBlocked), (SIGN_IN, 40125, 1, WeChatRefused), (SIGN_IN, 45011, 3, WeChatUnavailable),
    (PHONE, 40029, 1, WeChatCodeInvalid), (PHONE, 40163, 1, WeChatCodeInvalid), (PHONE, 40003, 1, WeChatCodeInvalid),
    (SEND, 43101, 1, SubscriptionRefused), (SEND, 47003, 1, WeChatRefused), (SEND, 43108, 1, WeChatUnavailable),
    (SEND, -1, 3, WeChatUnavailable),
    (CHECK_TEXT, 61010, 1, Verdict.REVIEW), (CHECK_MEDIA, 61010, 1, WeChatRefused), (RISK, 61010, 1, WeChatRefused),
    (PICTURE, 41030, 1, WeChatRefused), (PICTURE, 45009, 1, WeChatStopped), (CHECK_TEXT, 45009, 1, WeChatStopped),
    (CHECK_MEDIA, 45009, 1, WeChatStopped),
]


async def heard(client: WeChatClient, path: str) -> Any:
    """The type of the refusal, or the result."""
    calls = {
        LINK: lambda: client.url_link("", "a=1"), SIGN_IN: lambda: client.code_to_session("c"),
        PICTURE: lambda: client.unlimited_qrcode("s"), PHONE: lambda: client.phone_number("c", openid="o"),
        SEND: lambda: client.send_subscription("o", "tmpl-0123456789", {"thing1": "好"}),
        CHECK_TEXT: lambda: client.check_text("o", "好"), CHECK_MEDIA: lambda: client.check_image("o", "https://example.cn/a.jpg"),
        RISK: lambda: client.risk_rank("o", scene=0, client_ip="203.0.113.7"),
    }
    try:
        return await calls[path]()
    except Exception as refusal:
        return type(refusal)


async def test_every_code_does_what_is_documented(join: Join, fake: Fake) -> None:
    with capture_logs() as logs:
        await _walked(join(sharing=False), fake)
    refusals = [line for line in logs if line["event"] == "wechat.refused"]
    assert {line["errcode"] for line in refusals} == set(MEANINGS) | ON_ITS_PAGES | {99999} and all(line["rid"] for line in refusals)
    alarms = {line["errcode"] for line in refusals if line["log_level"] == "error"}
    assert {40013, 40125, 40164, 40234, 40243} < alarms and not alarms & {-1, 40029, 43101, 45011, 47003}
    assert not [word for word in (await fake.token(), SECRET, "a=1") if word in str(logs)]


async def _walked(client: WeChatClient, fake: Fake) -> None:
    await client.url_link("", "a=1")
    wrong, all_tokens, after = {}, 0, await fake.seen("calls")
    for errcode in sorted(ON_ITS_PAGES | set(MEANINGS) | {99999}, key=lambda code: code == 45009):  # 45009 last: the call rests then
        before = after
        await fake.fault(LINK, errcode=errcode, times=None)
        told = await heard(client, LINK)
        await fake.http.delete(f"{fake.url}/_simulator/faults")
        after = await fake.seen("calls")
        tries, tokens = after[LINK] - before[LINK], after[TOKEN] - before[TOKEN]
        expected = SPECIAL.get(errcode, (1, WeChatRefused))
        if (tries, told) != expected or (tokens > 0) != (errcode in (40001, 42001, 40014)):
            wrong[errcode] = (tries, told, tokens)
        all_tokens += tokens
    assert not wrong
    assert await heard(client, LINK) is WeChatStopped and (await fake.seen("calls"))[LINK] == after[LINK]
    assert all_tokens <= 6  # twice at most for each of the three: WeChat insists on its token


async def test_codes_that_mean_something_else_in_a_call(join: Join, fake: Fake) -> None:
    found, after = [], await fake.seen("calls")
    for path, errcode, *_ in IN_A_CALL:
        before = after
        await fake.fault(path, errcode=errcode, times=None)
        told = await heard(join(sharing=False), path)  # a client of its own: what rests, rests for it alone
        await fake.http.delete(f"{fake.url}/_simulator/faults")
        after = await fake.seen("calls")
        found.append((path, errcode, after[path] - before.get(path, 0), told))
    assert found == IN_A_CALL


def test_the_table_is_whole_and_has_no_row_for_nothing() -> None:
    said = {number for source in SOURCES for number in map(int, CODE.findall(source.read_text()))}
    assert said <= set(MEANINGS), "whatever the simulator refuses with is walked through above"
    assert ON_ITS_PAGES | set(MEANINGS) == set(rules.RULES)
    assert {path for path, *_ in IN_A_CALL} >= {path for path, _ in rules.OF_CALL} - {TOKEN}
    assert all(rule.why for rule in [*rules.RULES.values(), *rules.OF_CALL.values()])
    assert rules.rule(TOKEN, 40001) != rules.rule(LINK, 40001)  # with a wrong secret no new token helps
    settings = {code for code, rule in rules.RULES.items() if rule.means is Means.MISCONFIGURED}
    assert {40013, 40125, 40164, 40243, 40234} < settings and all(rules.RULES[code].then is Then.GIVE_UP for code in settings)


def test_pauses_grow_and_scatter() -> None:
    first, second = zip(*[list(rules.pauses())[:2] for _ in range(200)], strict=True)
    assert list(rules.pauses())[2:] == [None]
    for pause, found in zip(rules.PAUSES, (first, second), strict=True):
        assert pause * 0.5 <= min(found) < pause * 0.75 and pause * 1.25 < max(found) <= pause * 1.5
