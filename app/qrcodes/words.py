"""What the landing page says, by what a code is for. Whole sentences; the layout stands in `pages.py`."""

from dataclasses import dataclass
from typing import Any

from app.qrcodes.models import Purpose
from app.qrcodes.workflow import State

PROGRAM = "“新新”小程序"
ABOUT = f"{PROGRAM}是本县为快递员、外卖骑手等新就业群体开通的服务平台，在微信里使用，不用下载安装。"
VOLUNTARY = "参加与否完全自愿，不参加也不影响您正常工作。"
SCANNING = (
    "长按下面的图片，保存到手机（或者截屏）。",
    "打开微信，点右上角“＋”里的“扫一扫”，从相册选取这张图片。海报在身边时，直接扫海报上的码。",
)


@dataclass(frozen=True, slots=True)
class Words:
    """`headline` takes the name of the thing. `asked`: which of the reader's data will be wanted, and that nobody has to give them."""

    headline: str
    what: str
    asked: str


BY_PURPOSE = {
    Purpose.REGISTRATION: Words(
        "{name}邀请您登记",
        "登记后，就近的党组织能找到您、为您服务；是党员的，会有一位联系人与您对接。",
        "登记时会请您填写姓名、手机号、从事的行业、工作区域和所在企业；党员还会填写组织关系，这一项须经您单独同意。同意可以随时撤回。",
    ),
    Purpose.STORE: Words(
        "{name}",
        "这是积分兑换的合作商家。在小程序里可以查看这里能兑换的商品和服务，兑换后到店出示兑换码。",
        "查看不需要提供个人信息；兑换时需要登录并绑定手机号，商家只能看到隐去部分内容的姓名。",
    ),
    Purpose.ENTERPRISE: Words(
        "{name}",
        "这是企业的码。在小程序里可以登记您与这家企业的工作关系，方便就近找到党组织和服务。",
        "登记时会请您填写姓名、手机号和入职时间；是否让企业知道，由您自己决定，可以随时撤回。",
    ),
    Purpose.STATION: Words(
        "{name}",
        "这是为快递员、骑手服务的驿站。在小程序里可以查看驿站提供的服务。",
        "查看不需要提供个人信息；使用需要登记的服务时，会先征得您的同意。",
    ),
    Purpose.ACTIVITY: Words(
        "{name}",
        "这是一项活动的码。在小程序里可以查看活动安排并报名。",
        "报名时会请您登录并绑定手机号，不需要其他个人信息。",
    ),
    Purpose.STORE_STAFF: Words(
        "{name}邀请您加入",
        "这是合作商家邀请店员或店主的码。在小程序里接受邀请后，您可以在本店核销兑换码。",
        "接受邀请时需要登录并绑定手机号，商家只能看到隐去中间四位的手机号。",
    ),
    Purpose.CERTIFICATE: Words(
        "证书核验：{name}",
        "您扫描的是证书上的核验码。以下内容来自平台的实时记录，请与手中的证书核对；不一致的，以本页为准。",
        "",
    ),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the code opens nothing, and what to do next."""

    headline: str
    steps: tuple[str, ...]


ASK_FOR_NEW = "向张贴或发送它的工作人员索取新的码或链接。"
SEARCH = f"也可以在微信里搜索{PROGRAM}，打开后直接使用。"
INACTIVE: dict[str, Refusal] = {
    State.REVOKED: Refusal("这个码已停用", (ASK_FOR_NEW, SEARCH)),
    State.EXPIRED: Refusal("这个码已过期", (ASK_FOR_NEW, SEARCH)),
    State.USED_UP: Refusal("这个码的使用次数已满", (ASK_FOR_NEW, SEARCH)),
}
UNKNOWN = Refusal("没有找到这个码", ("请核对网址是否完整，或者重新扫描海报上的码。", ASK_FOR_NEW, SEARCH))
MISTYPED = Refusal("邀请码有误", ("请核对邀请码：共 12 位，由数字和字母组成，可能有一位输错了。", ASK_FOR_NEW, SEARCH))


def hours(told: Any) -> list[str]:
    """A shop's hours as lines: one text, or a list of `{days, opens, closes}` with days from 1 (Monday) to 7."""
    if isinstance(told, list):
        return [f"营业时间：{_days(line['days'])} {line['opens']}–{line['closes']}" for line in told]
    return [f"营业时间：{told}"] if told else []


def _days(days: list[int]) -> str:
    return "每天" if len(set(days)) == 7 else "、".join(f"周{'一二三四五六日'[day - 1]}" for day in sorted(set(days)))
