"""The page that a browser shows for a code: Chinese, without scripts, safe against what people write, whatever the code is worth."""

import base64
import hashlib
import re
from datetime import timedelta
from html.parser import HTMLParser
from uuid import uuid4

import pytest
from starlette.responses import Response

from app import clock
from app.qrcodes import landing, pages, ports, service, words
from app.qrcodes.models import Purpose
from app.qrcodes.pages import Shown
from app.security import typed_codes
from tests.qrcodes.conftest import API, BROWSER, LINK_CALL

NASTY = '<script>alert(1)</script>"\' onerror=x {0} {name} %s &amp; </title><img src=//evil.example/x>'
INSIDE = BROWSER | {"User-Agent": "Mozilla/5.0 (iPhone) AppleWebKit MicroMessenger/8.0.50"}
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Collects tags and addresses, and sees that everything opened is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def judged(answer) -> Page:
    """What holds for every page of ours."""
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["referrer-policy"] == "no-referrer" and answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';") and "script" not in policy and "unsafe" not in policy
    text = bytes(answer.body).decode() if isinstance(answer, Response) else answer.text
    page = Page(text)
    assert not {"script", "iframe", "link", "form", "object"} & set(page.tags), page.tags
    assert page.tags.count("h1") == 1 and page.tags.count("title") == 1
    assert ("html", "lang", "zh-CN") in page.attributes
    assert ("meta", "content", "width=device-width, initial-scale=1") in page.attributes
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name == "style"]
    for _, name, value in page.attributes:
        if name == "src":
            assert value is not None and value.startswith("/api/v1/qrcodes/"), value
        if name == "href":
            assert value is not None and re.match(r"(https://wxaurl\.cn/|tel:[+0-9]+$)", value), value
    assert page.tags.count("img") == sum(name == "alt" and bool(value) for _, name, value in page.attributes)
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy
    return page


async def test_it_says_who_invites_to_what_and_that_nobody_has_to(client, branch, code) -> None:
    answer = await client.get(f"/s/{code['scene']}", headers=BROWSER)
    page = judged(answer)
    assert answer.status_code == 200
    saying = ("驿站海报", "快递员", "完全自愿", "会用到您的哪些信息", "手机号", "打开“新新”小程序", "0537-3412345")
    for said in (f"{branch.name}邀请您登记", *saying):
        assert said in page.text, said
    assert ("a", "href", "tel:05373412345") in page.attributes
    assert ("img", "src", f"/api/v1/qrcodes/{code['scene']}/image") in page.attributes
    picture = await client.get(f"/api/v1/qrcodes/{code['scene']}/image")
    assert picture.headers["content-type"] == "image/png"


async def test_an_invitation_shows_the_code_to_type_and_how_long_it_is_good(client, invite) -> None:
    made = await invite(title="冬季走访")
    page = judged(await client.get(f"/s/{made['scene']}", headers=BROWSER))
    assert ("strong", "class", "code") in page.attributes and made["code"] in page.text and "冬季走访" in page.text
    assert ("a", "href", made["url_link"]) in page.attributes
    until = clock.local(clock.now() + timedelta(days=30))
    assert f"有效期至 {until.year} 年 {until.month} 月 {until.day} 日" in page.text
    typed = await client.get(f"/s/{made['code'].lower()}", headers=BROWSER)
    assert judged(typed).text == page.text


async def test_without_a_link_it_shows_the_way_by_hand(client, invite, fault) -> None:
    await fault(LINK_CALL, errcode=43108)
    made = await invite()
    page = judged(await client.get(f"/s/{made['scene']}", headers=BROWSER))
    assert "a" not in [tag for tag, name, value in page.attributes if (name, value) == ("class", "open")]
    for said in ("怎样打开", "扫一扫", "搜索“新新”小程序", "输入邀请码", made["code"]):
        assert said in page.text, said


async def test_inside_wechat_one_presses_the_picture(client, code) -> None:
    page = judged(await client.get(f"/s/{code['scene']}", headers=INSIDE))
    assert "长按下面的图片" in page.text and "前往小程序" in page.text and "点右上角" not in page.text


async def test_what_people_write_stays_text(client, session, branch, secretary) -> None:
    branch.name, branch.phone = NASTY[:120], None
    session.add(branch)
    await session.flush()
    told = {"purpose": "registration", "target_id": str(branch.id), "title": NASTY[:120]}
    made = (await client.post(API, json=told, headers=secretary.headers)).json()
    page = judged(await client.get(f"/s/{made['scene']}", headers=BROWSER))
    assert page.text.count(NASTY[:120]) >= 2 and page.tags.count("img") == 1


@pytest.mark.parametrize("purpose", list(Purpose))
def test_each_purpose_has_its_own_words(purpose: Purpose) -> None:
    target = {
        "id": str(uuid4()), "name": NASTY, "phone": "0537-3412345", "address": NASTY, "lines": [NASTY, "有效"],
        "hours": [{"days": [1, 2, 3, 4, 5, 6, 7], "opens": "08:00", "closes": "20:00"}, {"days": [6], "opens": "09:00", "closes": "12:00"}],
    }
    shown = Shown(
        purpose=purpose, scene="7k3m9q2x5t8v", title=NASTY, target=target, typed=None, expires_at=None, in_wechat=False,
        opens_program=purpose is not Purpose.CERTIFICATE,
    )
    page = judged(pages.landing(shown, None))
    told = words.BY_PURPOSE[purpose]
    assert told.what in page.text and NASTY in page.text and "营业时间：每天 08:00–20:00" in page.text and "周六 09:00–12:00" in page.text
    assert ("完全自愿" in page.text and told.asked in page.text) == shown.opens_program
    assert sum(other.what in page.text for other in words.BY_PURPOSE.values()) == 1


async def test_a_certificate_is_checked_on_the_page_itself(client, session, secretary, links_asked, monkeypatch) -> None:
    """Its feature says what is true now; there is nothing to open."""
    async def describe(_session, target_id):
        return {"id": str(target_id), "name": "王＊＊的聘书", "lines": ["角色：移动微网格员", "状态：<有效>"]}

    async def never(*_):
        return False

    monkeypatch.setitem(ports._TARGETS, Purpose.CERTIFICATE, ports.Target(never, describe))
    made = await service.make(session, purpose=Purpose.CERTIFICATE, target_id=uuid4(), title=None, issued_by=secretary.id)
    before = await links_asked()
    page = judged(await client.get(f"/s/{made.scene}", headers=BROWSER))
    assert "证书核验：王＊＊的聘书" in page.text and "角色：移动微网格员" in page.text and "状态：<有效>" in page.text
    assert "img" not in page.tags and "自愿" not in page.text and await links_asked() == before
    refused = await client.post(
        API, json={"purpose": "certificate", "target_id": str(made.target_id)}, headers=secretary.headers
    )
    assert refused.status_code == 403


async def test_a_code_that_opens_nothing_has_a_page_too(client, session, branch, secretary, code) -> None:
    async def made(**limits):
        told = {"purpose": Purpose.REGISTRATION, "target_id": branch.id, "title": None, "issued_by": secretary.id}
        return (await service.make(session, **told, **limits)).scene

    spent = await service.make(
        session, purpose=Purpose.REGISTRATION, target_id=branch.id, title=None, issued_by=secretary.id, max_uses=1
    )
    await service.use(session, qrcode_id=spent.id)
    assert (await client.post(f"{API}/{code['id']}/deactivate", headers=secretary.headers)).status_code == 200
    drawn = typed_codes.draw()
    mistyped = drawn[:-1] + next(symbol for symbol in typed_codes.ALPHABET if symbol != drawn[-1])
    for scene, status, said, as_json in (
        (code["scene"], 410, "已停用", (410, "qrcode_inactive")),
        (await made(expires_at=clock.now() - timedelta(seconds=1)), 410, "已过期", (410, "qrcode_inactive")),
        (spent.scene, 410, "次数已满", (410, "qrcode_inactive")),
        ("nosuchcode", 404, "没有找到", (404, "not_found")),
        (drawn, 404, "没有找到", (404, "not_found")),
        (typed_codes.grouped(mistyped), 404, "邀请码有误", (422, "code_malformed")),
        (mistyped, 404, "没有找到", (404, "not_found")),
        ("a" * 2_000, 404, "没有找到", (404, "not_found")),
        ("nul%00", 404, "没有找到", (404, "not_found")),
        ("%3Cscript%3Ealert(1)%3C", 404, "没有找到", (404, "not_found")),
        ("%E4%B8%AD", 404, "没有找到", (404, "not_found")),
    ):
        answer = await client.get(f"/s/{scene}", headers=BROWSER)
        page = judged(answer)
        assert answer.status_code == status and said in page.text and "接下来怎么办" in page.text, (scene, answer.status_code)
        assert "script" not in page.text and "img" not in page.tags
        head = await client.head(f"/s/{scene}", headers=BROWSER)
        assert (head.status_code, head.headers["content-type"]) == (status, "text/html; charset=utf-8")
        problem = await client.get(f"/s/{scene}", headers={"Accept": "application/json"})
        assert (problem.status_code, problem.json()["code"]) == as_json
        assert problem.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("accept", "html"), [
    (BROWSER["Accept"], True), ("text/html", True), ("TEXT/HTML;q=0.4", True), ("application/xhtml+xml, */*;q=0.1", True),
    ("application/json", False), ("*/*", False), ("", False), ("text/html;q=0", False), ("application/json, text/html;q=0.5", False),
    ("text/html;q=x", True), ("application/problem+json;q=0.2, text/html;level=1;q=0.9", True), (";,;;q=,,", False),
])
def test_html_is_for_who_asks_for_it(accept: str, html: bool) -> None:
    assert landing.asks_for_html(accept) is html


def test_it_can_be_read() -> None:
    """Contrast of at least 4.5, letters of at least 16 px, nothing wider than a screen of 320 px."""
    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    style = pages.STYLE.replace("#fff", "#ffffff")
    inks = set(re.findall(r"(?<![-\w])color:(#[0-9a-f]{6})", style)) - {"#ffffff"}
    assert len(inks) >= 3
    assert all(1.05 / (luminance(ink) + 0.05) >= 4.5 for ink in inks)  # on white, and white on them
    assert all(float(size) >= 1 for size in re.findall(r"(?:font-size:|font:(?:\d+ )?)([\d.]+)rem", style))
    assert all(float(size) * 16 <= 320 - 32 for size in re.findall(r"(?<!max-)width:([\d.]+)rem", style))
    assert "px" not in style.replace("3px", "").replace("2px", "")
