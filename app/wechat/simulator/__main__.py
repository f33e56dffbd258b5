"""`python -m app.wechat.simulator [--host 127.0.0.1] [--port 0]`: AppID, AppSecret and push token come from the settings, never from the
command line. With a push token its events go to `XINXIN_PUBLIC_BASE_URL`.

Prints `simulator http://HOST:PORT` once connections are taken.
"""

import argparse
import sys

from app.process import end_with_parent
from app.settings import Settings
from app.wechat.simulator.server import serve
from app.wechat.simulator.world import Target


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m app.wechat.simulator", description="WeChat's server API, simulated")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    chosen = parser.parse_args(arguments)
    end_with_parent()
    settings = Settings()
    if settings.production:
        parser.error("production does not talk to a simulator")
    try:
        serve(
            chosen.host, chosen.port, appid=settings.wechat_appid, secret=settings.wechat_secret, target=_target(settings), ready=_say
        )
    except OSError as error:
        parser.error(f"cannot listen on {chosen.host}:{chosen.port}: {error.strerror}")
    return 0


def _target(settings: Settings) -> Target | None:
    """Nobody hears of events while the service has no token to know them by."""
    if not settings.push_tokens:
        return None
    address = f"{settings.public_base_url.rstrip('/')}/wechat/push"
    return Target(address, settings.push_tokens[0], next(iter(settings.push_aes_keys), None))


def _say(address: str) -> None:
    sys.stdout.write(f"simulator {address}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
