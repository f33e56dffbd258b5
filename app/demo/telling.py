"""Telling a story over HTTP: every call is made, printed with its answer, and held against what was expected."""

import json
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

SECRET_NAMES = frozenset({"access_token", "refresh_token", "code", "token", "confirm_token", "phone_code"})
SHOWN_ITEMS, SHOWN_TEXT = 2, 160
TIMEOUT_SECONDS = 20.0
OK, BUSY, TRIES = 200, 503, 5
WAITS, WAIT_SECONDS = 40, 0.5
T = TypeVar("T")


class Different(Exception):
    """A step did not go as the story says. The message is for the person who ran it."""


@dataclass
class Person:
    """Somebody of the story: a name, and once signed in an account and a token."""

    name: str
    account_id: str = ""
    token: str = field(default="", repr=False)


class Teller:
    """`url` is the service's root, `simulator` WeChat's. Used by one thread."""

    def __init__(self, url: str, simulator: str) -> None:
        self._service = httpx.Client(base_url=f"{url}/api/v1", timeout=TIMEOUT_SECONDS, trust_env=False)
        self._simulator = httpx.Client(base_url=simulator, timeout=TIMEOUT_SECONDS, trust_env=False)
        self._step = 0
        self.calls = 0

    def close(self) -> None:
        self._service.close()
        self._simulator.close()

    def heading(self, title: str) -> None:
        self._step += 1
        say(f"\n━━ {self._step}. {title} ━━")

    def wechat(self, person: Person, *, kind: str, phone: str | None = None) -> str:
        """What the person's phone gets from WeChat: a code of `wx.login` or of the phone button."""
        wish = {"person": person.name, "kind": kind} | ({"phone": phone} if phone else {})
        answer = self._send(self._simulator, "微信模拟器", "POST", "/_simulator/codes", 200, json=wish)
        return str(answer.json()["code"])

    def order(self, what: str, wish: dict[str, Any], *, status: int = 204) -> Any:
        """What the simulator of WeChat is told to do; its answer, if it has one."""
        answer = self._send(self._simulator, "微信模拟器", "POST", f"/_simulator/{what}", status, json=wish)
        return answer.json() if answer.content else None

    def played(self, what: str) -> Any:
        """What the simulator has seen."""
        return self._send(self._simulator, "微信模拟器", "GET", f"/_simulator/{what}", 200).json()

    def wait_for_wechat(self, what: str, done: Callable[[Any], T | None]) -> T:
        """Asks the simulator until it has seen something. Raises Different after twenty seconds."""
        for _ in range(WAITS):
            found = done(self.played(what))
            if found is not None:
                return found
            time.sleep(WAIT_SECONDS)
        raise Different(f"微信模拟器没有等到 {what}")

    def wechat_pushes(self) -> bool:
        """Does this WeChat push events to the service?"""
        return self._simulator.post("/_simulator/push/verify", json={}).status_code == OK

    def refused(self, who: Person, path: str, status: int) -> Any:
        return self._call(who, "GET", path, status)

    def get(self, who: Person | None, path: str, **params: Any) -> Any:
        return self._call(who, "GET", path, 200, params=params or None)  # an empty one would take away the query of the path

    def enter(self, person: Person) -> Any:
        """Signs somebody in; returns the account."""
        answer = self.post(None, "/auth/wechat", {"code": self.wechat(person, kind="login")})
        person.token, person.account_id = answer["access_token"], answer["account"]["id"]
        return answer["account"]

    def wait(self, who: Person, path: str, done: Callable[[Any], bool]) -> Any:
        """Asks until a job has done its work. Raises Different after twenty seconds."""
        for _ in range(WAITS):
            answer = self.get(who, path)
            if done(answer):
                return answer
            time.sleep(WAIT_SECONDS)
        raise Different(f"{path} 的后台任务没有完成")

    def put(self, who: Person, path: str, body: dict[str, Any]) -> Any:
        return self._call(who, "PUT", path, 200, json=body)

    def patch(self, who: Person, path: str, body: dict[str, Any], *, version: int) -> Any:
        """As a phone does it, which knows no PATCH. `version` is what the caller has seen."""
        headers = {"If-Match": f'"{version}"', "X-HTTP-Method-Override": "PATCH"}
        return self._call(who, "POST", path, 200, json=body, headers=headers)

    def post(
        self, who: Person | None, path: str, body: dict[str, Any] | None = None, *, status: int = 200, key: str | None = None,
        version: int | None = None,
    ) -> Any:
        """`key` is an Idempotency-Key (a fresh one when none is given), `version` what the caller has seen."""
        headers = {"Idempotency-Key": key or fresh_key()} if who else {}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return self._call(who, "POST", path, status, json=body or {}, headers=headers)

    def delete(self, who: Person, path: str) -> None:
        self._send(self._service, who.name, "DELETE", path, 204, headers=_authorised(who, {}))

    def upload(self, who: Person, name: str, content: bytes) -> Any:
        return self.send_file(who, "/uploads", name, content, "image/jpeg", status=201)

    def send_file(self, who: Person, path: str, name: str, content: bytes, media_type: str, *, status: int) -> Any:
        headers = {"Idempotency-Key": fresh_key()}
        return self._call(who, "POST", path, status, files={"file": (name, content, media_type)}, headers=headers)

    def download(self, who: Person, path: str) -> httpx.Response:
        return self._send(self._service, who.name, "GET", path, 200, headers=_authorised(who, {}))

    def browse(self, url: str) -> str:
        """What a phone's browser shows of an address of the service."""
        path = httpx.URL(url).raw_path.decode()
        root = self._service.base_url.copy_with(raw_path=path.encode())
        return self._send(self._service, "手机浏览器", "GET", str(root), 200, headers={"Accept": "text/html"}).text

    def repeat(self, who: Person, path: str, body: dict[str, Any], *, status: int, key: str) -> Any:
        """The same call once more under its key: the first answer must come again, and say so."""
        answer = self._send(
            self._service, who.name, "POST", path, status, json=body, headers=_authorised(who, {"Idempotency-Key": key})
        )
        self.same(answer.headers.get("Idempotency-Replayed"), "true", "重复提交应返回第一次的结果")
        return answer.json()

    def same(self, found: Any, wanted: Any, what: str) -> None:
        """Raises Different unless both are equal."""
        if found != wanted:
            raise Different(f"{what}：应为 {wanted!r}，实际为 {found!r}")
        say(f"   ✓ {what}：{found}")

    def true(self, held: bool, what: str) -> None:
        """Raises Different unless it holds."""
        if not held:
            raise Different(f"不成立：{what}")
        say(f"   ✓ {what}")

    def _call(self, who: Person | None, method: str, path: str, status: int, **sent: Any) -> Any:
        sent["headers"] = _authorised(who, sent.get("headers", {}))
        return self._send(self._service, who.name if who else "任何人", method, path, status, **sent).json()

    def _send(self, client: httpx.Client, name: str, method: str, path: str, status: int, **sent: Any) -> httpx.Response:
        """Sends, prints, and compares the status. A busy service is asked again under the same key, as a phone would."""
        for tried in range(1, TRIES + 1):
            self.calls += 1
            _print_request(client, name, method, path, sent)
            try:
                answer = client.request(method, path, **sent)
            except httpx.HTTPError as error:
                raise Different(f"{method} {path} 没有得到答复：{type(error).__name__}") from error
            _print_answer(answer)
            if answer.status_code != BUSY or status == BUSY or tried == TRIES:
                break
            say("   … 服务正忙，稍后用同一个 Idempotency-Key 再试")
            time.sleep(min(2.0, float(answer.headers.get("Retry-After", "1"))))
        if answer.status_code != status:
            raise Different(f"{method} {path}：应答 {status}，实际 {answer.status_code}")
        return answer


def fresh_key() -> str:
    return f"demo-{uuid.uuid4()}"


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _authorised(who: Person | None, headers: dict[str, str]) -> dict[str, str]:
    return headers | ({"Authorization": f"Bearer {who.token}"} if who and who.token else {})


def _print_request(client: httpx.Client, name: str, method: str, path: str, sent: dict[str, Any]) -> None:
    url = client.build_request(method, path, params=sent.get("params") or None).url
    say(f"[{name}] {method} {url.raw_path.decode()}")
    kept = {key: value for key, value in sent.get("headers", {}).items() if key in ("Idempotency-Key", "If-Match")}
    if kept:
        say("   " + "，".join(f"{key}: {value}" for key, value in kept.items()))
    if "files" in sent:
        file_name, content, _ = sent["files"]["file"]
        say(f"   > 文件 {file_name}，{len(content)} 字节")
    elif sent.get("json"):
        say(f"   > {_text(sent['json'])}")


def _print_answer(answer: httpx.Response) -> None:
    try:
        shown = _text(answer.json())
    except ValueError:
        shown = f"（{len(answer.content)} 字节，不是 JSON）"
    say(f"   < {answer.status_code} {shown}")


def _text(value: Any) -> str:
    return json.dumps(_short(value), ensure_ascii=False)


def _short(value: Any, name: str = "") -> Any:
    """What is printed of a body: no whole token, code or signature, and of long lists the first lines."""
    if isinstance(value, dict):
        return {key: _short(item, key) for key, item in value.items()}
    if isinstance(value, list):
        rest = len(value) - SHOWN_ITEMS
        return [_short(item, name) for item in value[:SHOWN_ITEMS]] + ([f"… 另有 {rest} 项"] if rest > 0 else [])
    if not isinstance(value, str):
        return value
    if name in SECRET_NAMES and _random(value):
        return value[:4] + "…"
    if "?e=" in value:
        return value.partition("?")[0] + "?…"
    return value if len(value) <= SHOWN_TEXT else value[:SHOWN_TEXT] + "…"


def _random(text: str) -> bool:
    """Drawn by chance, unlike the words and numbers that are called code too (of a refusal, a category, an area)."""
    return any(char.isdigit() for char in text) and any(char.isalpha() for char in text)
