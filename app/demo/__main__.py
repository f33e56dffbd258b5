"""`python -m app.demo [URL]`: tells the story against the server at URL, or a fresh one of its own. Exit code 0: all as it should be."""

import argparse
import os
import signal
import subprocess
import sys
import time
from types import FrameType

from app.demo import own_server, story
from app.demo.telling import Different, Teller, say
from app.settings import Settings

CHECK_SECONDS = 60


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m app.demo", description="走一遍“登录—上报—积分—兑换—核销—结算”")
    parser.add_argument("url", nargs="?", help="已在运行的服务，例如 http://127.0.0.1:8000；不填则自己启动一个，用完删除")
    url = parser.parse_args().url
    signal.signal(signal.SIGTERM, _stopped)
    began = time.monotonic()
    try:
        calls = _foreign(url.rstrip("/")) if url else _own()
    except Different as difference:
        sys.stderr.write(f"\n✗ 演示失败 / the story differs: {difference}\n")
        return 1
    say(f"\n演示完成：{calls} 次 HTTP 调用，每一步都与预期一致，用时 {time.monotonic() - began:.1f} 秒 / the story is as it should be")
    return 0


def _own() -> int:
    say("启动一个新的服务（独立端口、独立数据目录）……")
    with own_server.running() as (url, folder):
        say(f"服务已就绪：{url}")
        calls = _tell(url, (folder / "wechat.url").read_text().strip())
        _check_books(own_server.environment(folder, 0))
    return calls


def _foreign(url: str) -> int:
    """The simulator's address, and that of the database, come from the same settings as the server's."""
    settings = Settings()
    noted = settings.data_dir / "wechat.url"
    simulator = settings.wechat_base_url or (noted.read_text().strip() if noted.exists() else None)
    if simulator is None:
        raise Different(f"找不到微信模拟器的地址：请设置 XINXIN_WECHAT_BASE_URL，或把 XINXIN_DATA_DIR 指向该服务的数据目录（没有 {noted}）")
    calls = _tell(url, simulator)
    if settings.database_url or (settings.data_dir / "database.url").exists():
        _check_books(dict(os.environ))
    else:
        say("\n━━ 账目检查 ━━\n没有该服务的数据库地址（XINXIN_DATABASE_URL 或 XINXIN_DATA_DIR），账目检查未运行 / ledger-check was not run")
    return calls


def _tell(url: str, simulator: str) -> int:
    teller = Teller(url, simulator)
    try:
        story.tell(teller)
        return teller.calls
    finally:
        teller.close()


def _check_books(environment: dict[str, str]) -> None:
    """Raises Different unless every sum in the books is right."""
    say("\n━━ 账目检查 ━━\n$ scripts/manage ledger-check")
    try:
        checked = subprocess.run(
            [sys.executable, "-m", "app.cli", "ledger-check"], env=environment, capture_output=True, text=True,
            timeout=CHECK_SECONDS, check=False,
        )
    except subprocess.TimeoutExpired:
        raise Different(f"账目检查在 {CHECK_SECONDS} 秒内没有结束") from None
    say(checked.stdout.strip())
    if checked.returncode != 0:
        raise Different(f"账目检查没有通过：{checked.stderr.strip()[-own_server.TAIL:]}")


def _stopped(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
