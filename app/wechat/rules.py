"""What is done about each error code of WeChat, and what it becomes for our callers: one table. A code that is not in it is refused.

Sources are WeChat's pages of the calls and of API security (`why` in short); a test walks the table and all codes that the simulator knows.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from app.errors import AppError, WeChatUnavailable
from app.wechat.errors import SubscriptionRefused, WeChatAccountBlocked, WeChatCodeInvalid, WeChatRefused

PAUSES = (0.2, 0.6)  # seconds before the second and the third try
JITTER = (0.5, 1.5)  # a pause is that many times as long, so that processes which failed together do not come back together


class Then(StrEnum):
    """What the client does before anybody hears of it."""

    AGAIN = "again"  # up to three tries, with growing pauses
    NEW_TOKEN = "new_token"  # one new token, one more try
    STOP = "stop"  # the call rests until midnight in Beijing, in all processes
    REST = "rest"  # the call rests for a minute, in all processes
    REST_FIRST = "rest_first"  # for a minute; and until midnight when the first answer after it is the same
    GIVE_UP = "give_up"


QUOTA = frozenset({Then.STOP, Then.REST, Then.REST_FIRST})


class Means(StrEnum):
    """What the caller hears when that did not help."""

    NOT_NOW = "not_now"  # WeChatUnavailable: it will pass by itself
    REFUSED = "refused"  # WeChatRefused: the same call will be refused again
    MISCONFIGURED = "misconfigured"  # WeChatRefused, and an error in the log: nobody but the operator can mend it
    CODE_SPENT = "code_spent"  # WeChatCodeInvalid
    HELD_BACK = "held_back"  # WeChatAccountBlocked
    NOT_PERMITTED = "not_permitted"  # SubscriptionRefused
    FOR_PEOPLE = "for_people"  # no refusal: the verdict `review`


@dataclass(frozen=True, slots=True)
class Rule:
    then: Then
    means: Means
    why: str


def _again(why: str) -> Rule:
    return Rule(Then.AGAIN, Means.NOT_NOW, why)


def _end(means: Means, why: str) -> Rule:
    return Rule(Then.GIVE_UP, means, why)


UNKNOWN = _end(Means.REFUSED, "not in the table")
STALE_TOKEN = Rule(Then.NEW_TOKEN, Means.NOT_NOW, "the access token ended, or was replaced")

RULES: dict[int, Rule] = {
    -1: _again("system busy"),
    45011: _again("too many calls in this minute"),
    40001: STALE_TOKEN,
    42001: STALE_TOKEN,
    40014: STALE_TOKEN,
    45009: Rule(Then.STOP, Means.NOT_NOW, "the quota of the day is used up"),
    43108: _end(Means.NOT_NOW, "another message to the same person is being sent"),
    43101: _end(Means.NOT_PERMITTED, "the person refused, or the one-time grant is used up"),
    40226: _end(Means.HELD_BACK, "WeChat holds the user back as a risk"),
    40003: _end(Means.REFUSED, "no openid of this mini program"),
    40029: _end(Means.REFUSED, "unknown or old code"),
    40037: _end(Means.REFUSED, "unknown template, or a long-term one used wrongly"),
    40066: _end(Means.REFUSED, "unknown address"),
    40097: _end(Means.REFUSED, "wrong argument"),
    40129: _end(Means.REFUSED, "wrong scene of a content check"),
    40163: _end(Means.REFUSED, "the code was used before"),
    40165: _end(Means.REFUSED, "wrong page"),
    40169: _end(Means.REFUSED, "wrong scene of a picture"),
    40212: _end(Means.REFUSED, "the query of a link is not encoded"),
    41008: _end(Means.REFUSED, "no code given"),
    41030: _end(Means.REFUSED, "the page is not in the released version"),
    43001: _end(Means.REFUSED, "GET was expected"),
    43002: _end(Means.REFUSED, "POST was expected"),
    43104: _end(Means.REFUSED, "the openid belongs to another mini program"),
    43302: _end(Means.REFUSED, "POST was expected"),
    44002: _end(Means.REFUSED, "nothing was sent"),
    45002: _end(Means.REFUSED, "the content is too long"),
    45168: _end(Means.REFUSED, "bad words in a value of a message"),
    47001: _end(Means.REFUSED, "the body is no object, or holds the token"),
    47003: _end(Means.REFUSED, "a value does not fit its template"),
    61010: _end(Means.REFUSED, "the person was not here for two hours, or is a suspicious one"),
    76001: _end(Means.REFUSED, "unknown rid"),
    76002: _end(Means.REFUSED, "a rid of another account"),
    76003: _end(Means.REFUSED, "no rid given"),
    76004: _end(Means.REFUSED, "the rid is older than seven days"),
    76021: _end(Means.REFUSED, "unknown path"),
    85079: _end(Means.MISCONFIGURED, "the mini program has no released version"),
    85400: _end(Means.MISCONFIGURED, "no more links of long life"),
    85401: _end(Means.REFUSED, "the life of a link is out of range"),
    85402: _end(Means.REFUSED, "the life of a link is out of range"),
    87008: _end(Means.REFUSED, "unknown method of signing"),
    87009: _end(Means.REFUSED, "wrong signature of a session"),
    40002: _end(Means.MISCONFIGURED, "wrong grant type, or the mini program of a private person"),
    40013: _end(Means.MISCONFIGURED, "wrong AppID"),
    40125: _end(Means.MISCONFIGURED, "wrong AppSecret"),
    40164: _end(Means.MISCONFIGURED, "our address is not in the whitelist"),
    40243: _end(Means.MISCONFIGURED, "the AppSecret is frozen"),
    41001: _end(Means.MISCONFIGURED, "no access token given"),
    41002: _end(Means.MISCONFIGURED, "no AppID given"),
    41004: _end(Means.MISCONFIGURED, "no AppSecret given"),
    40230: _end(Means.MISCONFIGURED, "API security: no serial"),
    40231: _end(Means.MISCONFIGURED, "API security: no timestamp"),
    40232: _end(Means.MISCONFIGURED, "API security: no signature"),
    40233: _end(Means.MISCONFIGURED, "API security: no AppID"),
    40234: _end(Means.MISCONFIGURED, "API security: wrong signature"),
    40235: _end(Means.MISCONFIGURED, "API security: wrong encryption"),
    40236: _end(Means.MISCONFIGURED, "API security: wrong AppID"),
    40237: _end(Means.MISCONFIGURED, "API security: AppID and token do not belong together"),
    40238: _end(Means.MISCONFIGURED, "API security: no symmetric key is set in the console"),
    40239: _end(Means.MISCONFIGURED, "API security: no public key is set in the console"),
    40240: _end(Means.MISCONFIGURED, "API security: our clock is wrong"),
}

PICTURE = "/wxa/getwxacodeunlimit"
SIGN_IN, TOKEN, PHONE = "/sns/jscode2session", "/cgi-bin/stable_token", "/wxa/business/getuserphonenumber"
CHECK_TEXT, CHECK_MEDIA = "/wxa/msg_sec_check", "/wxa/media_check_async"
_SPENT = _end(Means.CODE_SPENT, "the code is unknown, used or too old: the mini program asks for a new one")

OF_CALL: dict[tuple[str, int], Rule] = {
    (SIGN_IN, 40029): _SPENT,
    (SIGN_IN, 40163): _SPENT,
    (SIGN_IN, 41008): _SPENT,
    (PHONE, 40029): _SPENT,
    (PHONE, 40163): _SPENT,
    (PHONE, 40003): _end(Means.CODE_SPENT, "another person's code"),
    (PICTURE, 45009): Rule(Then.REST, Means.NOT_NOW, "5,000 in a minute: pictures have no quota of the day"),
    (CHECK_TEXT, 45009): Rule(Then.REST_FIRST, Means.NOT_NOW, "4,000 in a minute, or 2,000,000 in the day: the code is the same"),
    (CHECK_MEDIA, 45009): Rule(Then.REST_FIRST, Means.NOT_NOW, "2,000 in a minute, or 200,000 in the day: the code is the same"),
    (TOKEN, 40001): _end(Means.MISCONFIGURED, "wrong AppSecret"),
    (CHECK_TEXT, 61010): _end(Means.FOR_PEOPLE, "the person was not here for two hours: WeChat does not judge, people do"),
}


def rule(call: str, errcode: int) -> Rule:
    """`call` is the path of it: the same code may mean something else there."""
    return OF_CALL.get((call, errcode)) or RULES.get(errcode, UNKNOWN)


def refusal(call: str, errcode: int) -> AppError:
    """What a caller hears. Who has no quota left hears more: until when (`stops`)."""
    match rule(call, errcode).means:
        case Means.NOT_NOW:
            return WeChatUnavailable()
        case Means.CODE_SPENT:
            return WeChatCodeInvalid()
        case Means.HELD_BACK:
            return WeChatAccountBlocked()
        case Means.NOT_PERMITTED:
            return SubscriptionRefused(errcode)
        case _:
            return WeChatRefused(errcode)


def pauses() -> Iterator[float | None]:
    """Seconds to wait after each failed try; None after the last."""
    for pause in PAUSES:
        yield pause * random.uniform(*JITTER)
    yield None
