"""THE list of sealed columns and of blind indexes: what a change of the key re-makes. A test finds the binary column that is missing."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


def whole(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """A blind index and where its plain value comes from: the sealed column `source`, of whose text it is `part`.

    `mask` names the column from which a mobile number is found again where `source` was never written.
    """

    column: str
    purpose: str
    source: str
    part: Callable[[str], str] = whole
    mask: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A table. `sealed`: its sealed columns → their names in the associated data, whose row is the column `row`.

    `most`: rows that are taken at once at most, where one may hold a whole file.
    """

    table: str
    sealed: Mapping[str, str]
    indexes: tuple[Index, ...] = ()
    key: tuple[str, ...] = ("id",)
    row: str = "id"
    most: int = 5_000
    columns: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", (*self.sealed, *(index.column for index in self.indexes)))


def _second(text: str) -> str:
    """The phone in a roster's sealed pair of name and phone."""
    return str(json.loads(text)[1])


PLACES = (
    Place(
        "account", {"openid_sealed": "openid", "phone_sealed": "phone"},
        (Index("openid_index", "openid", "openid_sealed"), Index("phone_index", "phone", "phone_sealed")),
    ),
    Place("access_grant", {"phone_sealed": "phone"}, (Index("phone_index", "phone", "phone_sealed", mask="phone_masked"),)),
    Place("otp_factor", {"secret_sealed": "secret"}, key=("account_id",), row="account_id"),
    Place("idempotency_key", {"body": "body"}, key=("account_id", "key"), row="row_id"),
    Place("wechat_token", {"token_sealed": "token_sealed"}),
    Place("wechat_push_event", {"openid_sealed": "openid_sealed"}),
    Place("member", {"real_name_sealed": "real_name", "nickname_sealed": "nickname"}),
    Place("registration", {"reason_sealed": "reason"}),
    Place("registration_text", {"sealed": "sealed"}),
    Place("registration_declaration", {"sealed": "sealed"}, key=("registration_id",), row="registration_id"),
    Place("registration_contact", {"note_sealed": "note"}),
    Place(
        "roster_line", {"sealed": "sealed", "extra_sealed": "extra", "note_sealed": "note"},
        (Index("phone_index", "phone", "sealed", _second),),
    ),
    Place("roster_rows", {"sealed": "sealed"}, key=("roster_id",), row="roster_id", most=20),
    Place("roster_errors", {"sealed": "sealed"}, key=("roster_id",), row="roster_id", most=20),
    Place("community_checkin", {"note_sealed": "note", "reason_sealed": "reason"}),
    Place("checkin_appointment", {"reason_sealed": "reason"}),
    Place("coverage_visit", {"note_sealed": "note"}),
    Place("complaint", {"text_sealed": "text", "answer_sealed": "answer"}),
    Place("shortlist", {"note_sealed": "note"}),
    Place("upload", {"taken_sealed": "taken"}),
    Place("report", {"description_sealed": "description", "address_sealed": "address"}),
    Place("store_contract", {"bank_account_sealed": "bank_account"}),
    Place("redemption", {"code_sealed": "code"}, (Index("code_index", "redemption-code", "code_sealed"),)),
    Place("store_application", {"phone_sealed": "phone"}),
    Place("sms", {"phone_sealed": "phone"}),
    Place("enterprise_statement_name", {"name_sealed": "name"}),
    Place("report_proof", {"code_sealed": "code"}, (Index("code_index", "report-proof", "code_sealed"),)),
)

# Binary columns that no field key has made.
UNKEYED = {
    "idempotency_key.fingerprint": "a digest of a request, compared with the same request only",
    "wechat_push_event.dedupe_key": "a digest of WeChat's own id of the event",
    "wechat_push_event.body_sha256": "a digest of the message",
    "wechat_push_nonce.body_sha256": "a digest of the message",
    "upload.sent_digest": "a digest of a photo's file, compared with other photos' only",
    "seal_link.digest": "a digest of a row of history, which the chain is made of",
    "store_day_head.previous": "the head of the day before",
    "store_day_head.head": "a digest of ids, amounts and instants",
    "seal_block.previous": "the hash of the block before",
    "seal_block.hash": "a digest of digests",
    "seal_block.signature": "under a secret key, named beside it: what becomes of it with that key, app/seals/anchors.py tells",
    "refresh_token.hash": "a digest of 256 random bits",
}


@dataclass(frozen=True, slots=True)
class RunsOut:
    """What a field key has made and nobody can make again, because the plain value is not kept. `days` until it has served."""

    column: str
    days: int
    without: str


RUN_OUT = (
    RunsOut("throttle_hit.key", 1, "wrong passwords of the last day are not counted any more"),
    RunsOut("auth_session.origin", 0, "a known device shares its account's counter of wrong passwords until it has signed in again"),
    RunsOut("store_visit_mark.mark", 1, "what was given today is not counted any more, and a code of the last minutes works once more"),
    RunsOut("otp_factor.recovery_hashes", 0, "recovery codes drawn in the first release do not work any more; later ones need no key"),
)
