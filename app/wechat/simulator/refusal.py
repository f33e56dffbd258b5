"""WeChat's error codes as its server words them."""

import secrets
from typing import Any

MEANINGS = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40014: "invalid access_token",
    40029: "invalid code",
    40037: "invalid template_id",
    40066: "invalid url",
    40097: "invalid args",
    40125: "invalid appsecret",
    40129: "invalid scene",
    40163: "code been used",
    40164: "invalid ip, not in whitelist",
    40165: "invalid weapp pagepath",
    40169: "invalid length for scene, or the data is not json string",
    40212: "invalid query",
    40226: "high-risk user, login is blocked",
    40230: "Missing Wechatmp-Serial",
    40231: "Missing Wechatmp-TimeStamp",
    40232: "Missing Wechatmp-Signature",
    40233: "Missing Wechatmp-Appid",
    40234: "Invalid Signature",
    40235: "Invalid Encrypt",
    40236: "Invalid Wechatmp-Appid",
    40240: "Expired Wechatmp-TimeStamp",
    40243: "AppSecret has been frozen",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    41030: "invalid page",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    43101: "user refuse to accept the msg",
    43104: "this appid does not have permission for the openid",
    43108: "send to one user in parallel is not allowed",
    43302: "method not allowed, use POST",
    44002: "empty post data",
    45002: "content size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45168: "content contains sensitive words",
    47001: "data format error",
    47003: "argument invalid!",
    61010: "code is expired",
    76021: "cgi_path not found",
    85079: "miniprogram has no online release",
    85400: "long-life urllink reached limit",
    85401: "time limit between 1min and 1year",
    85402: "invalid expire interval",
    87008: "invalid sig_method",
    87009: "invalid signature",
}


class Refusal(Exception):
    def __init__(self, errcode: int, more: str = "") -> None:
        super().__init__(errcode)
        self.errcode, self.more = errcode, more

    def answer(self) -> dict[str, Any]:
        words = " ".join(part for part in (MEANINGS.get(self.errcode, "error"), self.more) if part)
        return {"errcode": self.errcode, "errmsg": f"{words}, rid: {secrets.token_hex(4)}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"}
