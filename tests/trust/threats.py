"""The threat table: who might want what, what stands against it, and what shows that it stands.

`shown` names checks of reliability.md (S01 ..., tests/trust/goals.py) and single tests (file::test); tests/trust/test_threats.py looks
each of them up. A threat that nothing of ours answers is `left`, in words: what an operator, or the county, has to do about it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Threat:
    what: str
    who: str
    against: tuple[str, ...]
    shown: tuple[str, ...]
    left: str = ""


THREATS = (
    # Value
    Threat(
        "spend one code or one balance twice",
        "a rider with two phones, a clerk in a hurry",
        (
            "one conditional update by state",
            "balance row locked last",
            "CHECK balance >= 0",
            "hourly invariants freeze what does not add up",
        ),
        ("S01", "S02", "S05", "tests/invariants/test_freezing.py"),
    ),
    Threat(
        "have one act counted twice by a repeat, a crash or a failover",
        "a bad network, a client that repeats",
        ("Idempotency-Key kept with its effect", "no success is told before it is durable, also on the standby"),
        ("S03", "S06", "S07", "S08", "S09", "S13"),
    ),
    Threat(
        "earn twice for one report",
        "a rider with a reviewer's help",
        ("UNIQUE (rule, source, member)", "one table of transitions", "daily caps"),
        ("S04", "tests/points/test_caps.py"),
    ),
    Threat(
        "guess a redemption code",
        "a clerk, a rider, a script",
        ("55 random bits and a check symbol", "ten wrong codes stop that store", "equal answers"),
        ("S32",),
    ),
    Threat(
        "redeem a screenshot, or somebody else's screen",
        "a rider's friend",
        ("tickets of 30 s, signed, for one use", "bound to store and order"),
        ("S33", "tests/redemptions/test_one_use.py"),
    ),
    Threat(
        "pay oneself",
        "a reviewer, a store owner, an administrator",
        (
            "nobody decides on their own report, code or proposal",
            "two persons for changes by hand and for settlements",
            "caps at every level",
        ),
        ("S26", "tests/points/test_proposals.py", "tests/points/test_adjustment_limits.py", "tests/redemptions/test_settlement_terms.py"),
    ),
    Threat(
        "a ring of rider, reviewer and clerk",
        "insiders",
        ("the lens asks people, with reasons", "signals on reports"),
        ("S35", "tests/collusion/test_collusion_cases.py"),
        left="a ring that behaves like its neighbours is found by a person, or not at all",
    ),
    Threat(
        "report what is not there",
        "a rider after points",
        ("prints of photos", "speed, place and time as signals", "two reviewers"),
        ("S34", "tests/signals/test_signals.py"),
        left="a staged photo at the true place is for the reviewer's eyes",
    ),
    # Who one is
    Threat(
        "forge or bend an access token",
        "a stranger",
        ("python-jose in one wrapper", "one algorithm per key", "every claim required", "the database decides"),
        ("S28", "tests/architecture/test_house.py::test_tokens_have_one_wrapper"),
    ),
    Threat(
        "use a stolen refresh token",
        "whoever had the phone for a minute",
        ("rotation, one family line, reuse ends it", "sessions listed and ended"),
        ("S29", "tests/auth/test_wechat_sign_in.py"),
    ),
    Threat(
        "guess a console password or second factor",
        "a botnet",
        ("argon2id", "limits by account, device, address and over all", "each code once"),
        ("S30", "S36"),
    ),
    Threat(
        "shut the county out by guessing wrong on purpose",
        "anybody",
        ("a device that signed in before has its own counter", "never longer than 15 min"),
        ("S30",),
    ),
    Threat(
        "come in as somebody else through WeChat",
        "a rider",
        ("codes exchanged by the server", "phone bound to the openid that asked", "signed pushes, each once"),
        ("S31", "tests/wechat/test_push.py"),
    ),
    Threat(
        "keep rights after leaving",
        "a former clerk or worker",
        ("grants read at each request", "an area that moves takes no rights along"),
        ("S25",),
    ),
    # Who sees what
    Threat(
        "read or change another tenant's, store's or person's things",
        "anybody signed in",
        ("access_* queries, 404 outside the scope", "one table of who may", "row security behind it"),
        ("S19", "S20", "S21", "S22", "S23", "S27"),
        left="tables that row security does not guard yet stand in tests/support/row_security_open.py",
    ),
    Threat("set a field that is not one's own", "anybody signed in", ("strict bodies", "answers by role"), ("S24",)),
    Threat(
        "learn who is a Party member",
        "a curious colleague, an employer",
        ("own table, own consent, own roles", "no index", "no message, file, count or order tells"),
        ("S21", "tests/journeys/test_canaries_routes.py::test_nobody_else_learns_of_a_party_member"),
    ),
    Threat(
        "follow a courier's ways",
        "an employer, a shop",
        ("places rounded", "visits leave a total", "proofs tell when and roughly where"),
        ("tests/discounts/test_discount_visits.py", "tests/proofs/test_proofs.py", "tests/retention/test_retention.py"),
    ),
    Threat(
        "browse personal data that one may reveal",
        "an administrator",
        ("purpose and note, step-up, twenty an hour", "the person is told", "audit"),
        ("tests/me/test_reveal.py", "S44"),
    ),
    Threat(
        "read phones and names in a stolen dump, disk or backup",
        "a thief",
        ("sealed fields bound to their row", "keys outside the database", "rotation"),
        ("S43", "tests/security/test_sealing_and_keys.py", "tests/rotation/test_rotation.py"),
        left="keys.json and the dump must not lie together",
    ),
    Threat(
        "find a person again after their erasure",
        "anybody, a restored backup",
        ("one forget over all features", "a journal applied again at each restore"),
        ("S17", "S43", "tests/me/test_erasure.py"),
    ),
    Threat(
        "read personal data in logs, metrics or traces",
        "an operator, a log collector",
        (
            "static events, kinds of errors",
            "labels are templates and codes",
            "spans hold no id, path or text",
            "a client's own request id is not kept",
        ),
        (
            "S43",
            "tests/architecture/test_logs.py",
            "tests/monitoring/test_figures_told.py::test_labels_hold_no_word_of_anybody",
            "tests/tracing/test_traces.py::test_a_request_and_what_it_did",
        ),
    ),
    # History
    Threat(
        "change the ledger or the trail afterwards",
        "whoever has the database",
        ("roles that cannot", "triggers", "sealed chain, signed", "hourly anchors"),
        ("S44", "tests/db/test_roles.py", "tests/seals/test_chain.py", "tests/seals/test_anchors.py"),
        left="the anchors' store must be one that the database's administrator cannot change",
    ),
    Threat(
        "deny having done it",
        "anybody with a duty",
        ("audit in the same transaction, or the act fails",),
        ("S44", "S26"),
    ),
    Threat(
        "fake lines of the log",
        "anybody who may write a text",
        ("one JSON line an event, control characters escaped",),
        ("tests/architecture/test_logs.py::test_no_character_that_a_terminal_obeys_is_written",),
    ),
    # Input
    Threat(
        "stop the service with what it cannot digest",
        "anybody",
        ("strict shapes", "bounded sizes and depths"),
        ("S37", "S38", "S39"),
    ),
    Threat("stop it with pictures", "anybody who may upload", ("the header is judged before a pixel is", "rebuilt from pixels"), ("S41",)),
    Threat(
        "stop it with patience",
        "slow or many clients",
        ("absolute deadlines", "who waits longest gives way", "limits over all replicas"),
        ("S40", "S36", "S42"),
    ),
    Threat(
        "run formulas in an administrator's spreadsheet",
        "a rider's nickname",
        ("every exported cell is a text",),
        ("S43", "tests/export/test_export_tables.py"),
    ),
    Threat(
        "make the server fetch an address",
        "anybody who may write one",
        ("no input is fetched", "no redirects, no proxies of the environment"),
        ("S43",),
    ),
    Threat(
        "say where one comes from",
        "anybody behind no proxy of ours",
        ("X-Forwarded-For and traceparent of named proxies only",),
        ("S36", "tests/health/test_production.py", "tests/tracing/test_traces.py::test_only_a_proxy_of_ours_says_where_a_request_belongs"),
    ),
    # Things that break
    Threat(
        "a neighbour is away: WeChat, the object store",
        "the world",
        ("outbox", "nothing points to what is not there", "deadlines"),
        ("S14", "S15"),
    ),
    Threat(
        "the database is away, full, demoted or silent",
        "the world",
        ("503 and the same key", "pulse", "failover by one command"),
        ("S07", "S10", "S11", "S42"),
    ),
    Threat("the clock is wrong", "the world, a virtual machine", ("the database's clock decides", "skew is not ready"), ("S12",)),
    Threat(
        "everything is lost",
        "fire, a mistake",
        ("base backup and log", "a drill each day, with every invariant"),
        ("S17", "tests/monitoring/test_alert_rules.py"),
    ),
    Threat("a release breaks it", "ourselves", ("each migration beside the former release", "restart in turn"), ("S16", "S18")),
    Threat(
        "nobody notices",
        "everybody",
        ("an alert for each, a page for each alert", "figures of all processes"),
        ("tests/monitoring/test_alert_rules.py", "tests/monitoring/test_figures_told.py", "tests/health/test_health.py"),
        left="somebody has to run Prometheus with scripts/monitoring",
    ),
)
