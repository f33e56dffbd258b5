"""The closed word lists of the report loop."""

from enum import StrEnum


class Status(StrEnum):
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    DISPATCHED = "dispatched"
    IN_PROGRESS = "in_progress"
    SUSPENDED = "suspended"
    RESOLVED = "resolved"
    AWAITING_FEEDBACK = "awaiting_feedback"
    DISPUTED = "disputed"
    REOPENED = "reopened"
    CLOSED = "closed"
    REJECTED = "rejected"
    MERGED = "merged"
    WITHDRAWN = "withdrawn"


class RejectReason(StrEnum):
    NOT_A_PROBLEM = "not_a_problem"
    OUT_OF_AREA = "out_of_area"
    NOT_RESPONSIBLE = "not_responsible"
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"
    ALREADY_KNOWN = "already_known"
    ABUSE = "abuse"


class Stage(StrEnum):
    """What the clock of a report measures now."""

    REVIEW = "review"
    DISPATCH = "dispatch"
    HANDLE = "handle"
    VERIFY = "verify"
    FEEDBACK = "feedback"
    DECIDE = "decide"


class ActorRole(StrEnum):
    """In which part somebody gave a command."""

    REPORTER = "reporter"
    JOINED_REPORTER = "joined_reporter"
    REVIEWER = "reviewer"
    ASSIGNEE = "assignee"
    SYSTEM = "system"


class RequestKind(StrEnum):
    SUSPEND = "suspend"
    EXTEND = "extend"


class RequestStatus(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    LAPSED = "lapsed"


class LookStatus(StrEnum):
    """What became of a verification that was drawn for a second look."""

    PENDING = "pending"
    PASSED = "passed"
    FAILED = "failed"
    LAPSED = "lapsed"


class TextCheck(StrEnum):
    """WeChat's verdict on the description. Until `pass`, it is for the reporters and for those whose duty it is."""

    PENDING = "pending"
    PASS = "pass"
    REVIEW = "review"
    RISKY = "risky"
