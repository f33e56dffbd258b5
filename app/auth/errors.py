"""Refusals of sign-in. None of them says which of name, password or code was wrong."""

from app.errors import AppError


class BadCredentials(AppError):
    status, code, title, detail = 401, "bad_credentials", "Wrong credentials", "账号、密码或验证码有误"


class OtpRequired(AppError):
    """The password was right, and the account has a second factor."""

    status, code, title, detail = 401, "otp_required", "One-time password needed", "请输入动态验证码"


class RefreshTokenReused(AppError):
    """A refresh token came a second time, when only a thief or a broken client would send it: the whole family is ended."""

    status, code, title, detail = 401, "refresh_token_reused", "Refresh token used twice", "登录凭证被重复使用，为安全起见已退出"
