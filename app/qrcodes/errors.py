"""Refusals of printed codes."""

from app.errors import AppError


class QrcodeInactive(AppError):
    """Revoked, expired or used up: `detail` says which, `reason` names it (`workflow.State`)."""

    status, code, title, detail, remembered = 410, "qrcode_inactive", "Code no longer in use", "该二维码已停用，请向工作人员索取新码", True

    def __init__(self, detail: str | None = None, *, reason: str = "inactive") -> None:
        super().__init__(detail)
        self.reason = reason
