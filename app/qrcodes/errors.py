"""Refusals of printed codes."""

from app.errors import AppError


class QrcodeInactive(AppError):
    status, code, title, detail, remembered = 410, "qrcode_inactive", "Code no longer in use", "该二维码已停用，请向工作人员索取新码", True
