"""The vectors of WeChat's message push, and what must not pass."""

import base64

import pytest

from app.wechat import crypto

AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
APPID = "wxb11529c136998cb6"
MESSAGE = b'{"MsgType":"event","Event":"wxa_media_check"}'
SEALED = (
    "Q3stYC6hdFzMh9T8HCvyDArIMwhYZSceMqrnqWuX+xJ8sXkOUIAnmA7xqBLdUu6uSz41yS8vJ3j8D95Wh08RU45H0kF1AR6YZqXdyVSbRsyj1sTdksNj/IWQ1znxOgsx"
)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("AAAAA", "1714036504", "1514711492"), "f464b24fc39322e44b38aa78f5edd27bd1441696"),
        (("AAAAA", "1714037059", "486452656"), "899cf89e464efb63f54ddac96b0a0a235f53aa78"),
        (("AAAAA", "1714112445", "415670741", SEALED), "89399871b0e72a5c81699f759947cba317808a61"),
    ],
)
def test_signatures(parts: tuple[str, ...], expected: str) -> None:
    assert crypto.signature(*parts) == expected
    assert crypto.signed(expected, *parts)
    assert not crypto.signed(expected.upper(), *parts)
    assert not crypto.signed("", *parts)
    assert not crypto.signed(expected, *parts[:-1], parts[-1] + "0")


def test_safe_mode_both_ways() -> None:
    assert crypto.decrypt(SEALED, aes_key=AES_KEY, appid=APPID) == MESSAGE
    assert crypto.encrypt(MESSAGE, aes_key=AES_KEY, appid=APPID, random=b"0123456789abcdef") == SEALED


@pytest.mark.parametrize("length", range(40))
def test_every_padding(length: int) -> None:
    message = "字".encode() * length
    assert crypto.decrypt(crypto.encrypt(message, aes_key=AES_KEY, appid=APPID), aes_key=AES_KEY, appid=APPID) == message


def test_what_is_not_ours_does_not_open() -> None:
    raw = base64.b64decode(SEALED)
    for text in ("", "x", "好", SEALED[:-4], base64.b64encode(raw[:-16]).decode(), base64.b64encode(raw[:-1] + b"\0").decode()):
        with pytest.raises(crypto.Undecipherable):
            crypto.decrypt(text, aes_key=AES_KEY, appid=APPID)
    for key, appid in ((AES_KEY, "wx0000000000000000"), (AES_KEY[::-1], APPID), (AES_KEY[:-1], APPID)):
        with pytest.raises(crypto.Undecipherable):
            crypto.decrypt(SEALED, aes_key=key, appid=appid)
