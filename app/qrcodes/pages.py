"""The pages that a phone's browser shows for a code: no scripts, nothing from elsewhere, every text escaped."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from starlette.responses import HTMLResponse

from app import clock
from app.qrcodes import words
from app.qrcodes.models import Purpose
from app.qrcodes.words import Refusal

STYLE = """
*{box-sizing:border-box}
body{margin:0;background:#fff;color:#1f1f1f;font:1.125rem/1.7 system-ui,-apple-system,"PingFang SC","Microsoft YaHei",sans-serif}
main{max-width:34rem;margin:0 auto;padding:1.25rem 1rem 3rem;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.35;margin:.5rem 0 1rem}
h2{font-size:1.2rem;margin:1.75rem 0 .5rem}
p,ol,ul{margin:.5rem 0}
ol,ul{padding-left:1.5rem}
a{color:#8f1d14}
.brand{color:#595959;font-size:1rem}
.open{display:block;margin:1.25rem 0;padding:1rem;border-radius:.5rem;background:#8f1d14;color:#fff;font-size:1.25rem;font-weight:700;text-align:center;text-decoration:none}
.open:focus{outline:3px solid #1f1f1f;outline-offset:3px}
.code{display:block;margin:.75rem 0;padding:.75rem .25rem;border:2px solid #8f1d14;border-radius:.5rem;font:700 1.4rem/1.3 ui-monospace,Menlo,Consolas,monospace;text-align:center}
img{display:block;width:14rem;max-width:100%;height:auto;margin:1rem auto}
"""  # noqa: E501
LAYOUT = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="format-detection" content="telephone=no">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<p class="brand">新新 · 新就业群体服务平台</p>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; img-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Vary": "Accept, User-Agent",
    "Content-Language": "zh-CN",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a landing page is made from. `typed`: the code to type, of invitations.

    A certificate opens no program: its page is the public check itself.
    """

    purpose: Purpose
    scene: str
    title: str | None
    target: dict[str, Any]
    typed: str | None
    expires_at: datetime | None
    in_wechat: bool
    opens_program: bool


def landing(shown: Shown, url_link: str | None) -> HTMLResponse:
    """The page of a code that is in use. `url_link` opens the mini program."""
    told = words.BY_PURPOSE[shown.purpose]
    about = paragraph(words.ABOUT) if shown.opens_program else ""
    body = [_note(shown.title), about, paragraph(told.what), _facts(shown.target)]
    if shown.opens_program:
        body += [_opening(shown, url_link), section("会用到您的哪些信息", paragraph(told.asked), paragraph(words.VOLUNTARY))]
        body += [_validity(shown.expires_at)]
    return page(told.headline.format(name=shown.target["name"]), body, 200)


def refused(refusal: Refusal, status: int) -> HTMLResponse:
    """The page of a code that opens nothing: what is wrong, and what to do next."""
    return page(refusal.headline, [section("接下来怎么办", bullets("ul", refusal.steps)), paragraph(words.ABOUT)], status)


def page(title: str, body: list[str], status: int) -> HTMLResponse:
    content = LAYOUT.format(title=escape(title), style=STYLE, body="\n".join(part for part in body if part))
    return HTMLResponse(content, status, headers=HEADERS)


def _opening(shown: Shown, url_link: str | None) -> str:
    """How to get into the mini program from where the reader is."""
    button = f'<a class="open" href="{escape(url_link)}">打开{words.PROGRAM}</a>' if url_link else ""
    picture = f'<img src="/api/v1/qrcodes/{escape(shown.scene)}/image" alt="{words.PROGRAM}的码" width="430" height="430">'
    if shown.in_wechat:
        return section("怎样打开", paragraph("长按下面的图片，选择“前往小程序”或“识别图中的小程序码”。"), picture, button, _typing(shown))
    steps = bullets("ol", words.SCANNING)
    return button + section("点按钮没有反应？" if button else "怎样打开", steps, picture, _typing(shown))


def _typing(shown: Shown) -> str:
    if shown.typed is None:
        return paragraph(f"也可以在微信里搜索{words.PROGRAM}，打开后找到“{shown.target['name']}”。")
    told = paragraph(f"也可以在微信里搜索{words.PROGRAM}，打开后输入邀请码（不分大小写，横线可以不输）：")
    return f'{told}\n<strong class="code">{escape(shown.typed)}</strong>'


def _facts(target: dict[str, Any]) -> str:
    """Lines that the thing's feature wants shown; else its address. Hours and a phone to ask at in any case."""
    facts = [str(line) for line in target.get("lines") or ()]
    if not facts and isinstance(target.get("address"), str):
        facts = [f"地址：{target['address']}"]
    facts += words.hours(target.get("hours"))
    return bullets("ul", facts) + _phone(target.get("phone"))


def _phone(phone: str | None) -> str:
    if not phone:
        return ""
    dialled = "".join(char for char in phone if char in "+0123456789")
    return f'<p>咨询电话：<a href="tel:{dialled}">{escape(phone)}</a></p>'


def _validity(expires_at: datetime | None) -> str:
    if expires_at is None:
        return ""
    local = clock.local(expires_at)
    return paragraph(f"本码有效期至 {local.year} 年 {local.month} 月 {local.day} 日 {local:%H:%M}。")


def _note(title: str | None) -> str:
    return f"<p><strong>{escape(title)}</strong></p>" if title else ""


def section(title: str, *parts: str) -> str:
    return "\n".join([f"<h2>{escape(title)}</h2>", *(part for part in parts if part)])


def bullets(tag: str, items: tuple[str, ...] | list[str]) -> str:
    return f"<{tag}>{''.join(f'<li>{escape(item)}</li>' for item in items)}</{tag}>" if items else ""


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"
