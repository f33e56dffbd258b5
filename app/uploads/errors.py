"""Refusals of photos."""

from app.errors import AppError


class UploadAlreadyUsed(AppError):
    status, code, title, detail, remembered = 409, "upload_already_used", "Photo used before", "照片已用于其他记录，请重新上传", True
