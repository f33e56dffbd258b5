"""WeChat's server API as a local HTTP service for development and tests: its paths, single-use codes, error codes and limits.

It knows nothing of our service and keeps everything in memory. A named person has the same openid after every restart.
"""

from app.wechat.simulator.app import create_app
from app.wechat.simulator.server import serve
from app.wechat.simulator.world import Target

__all__ = ["Target", "create_app", "serve"]
