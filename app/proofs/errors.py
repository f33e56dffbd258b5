"""Refusals of proofs."""

from app.errors import AppError, Conflict


class ProofNotFound(AppError):
    """An unknown code, one whose time is over and one whose report did not hold sound alike."""

    status, code, title, detail, remembered = 404, "code_not_found", "No such code", "没有这个证明编号，或它已失效，请核对", True


def too_late() -> Conflict:
    return Conflict("停留证明自上报起 30 天内有效，现已过期")
