"""What the scan of old sentences takes out, and what it leaves."""

import pytest

from app.reports.anonymising import anonymised


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("请打13800138000联系我", "请打〔号码〕联系我"), ("电话 138-0013-8000", "电话 〔号码〕"), ("+86 138 0013 8000", "〔号码〕"),
        ("１３８００１３８０００", "〔号码〕"), ("座机0537-2345678", "座机〔号码〕"), ("(0537)2345678", "〔号码〕"),
        ("身份证37081219900101123X", "身份证〔号码〕"), ("身份证 370812 19900101 1234", "身份证 〔号码〕"),
        ("旧证370812900101123", "旧证〔号码〕"),
        ("卡号6222 0212 3456 7890 123", "卡号〔号码〕"), ("微信号：rider_2046", "微信号：〔账号〕"), ("QQ 123456789", "QQ 〔账号〕"),
        ("写信到 zhang.san@example.com", "写信到 〔账号〕"), ("鲁H·A1234挡住了出口", "〔车牌〕挡住了出口"),
        ("鲁HD12345挡路", "〔车牌〕挡路"),
        ("我叫张三，在这里等", "我叫某某，在这里等"), ("我叫欧阳小明住在东风社区", "我叫某某住在东风社区"),
        ("姓名：李四 男", "姓名：某某 男"),
        ("联系人：诸葛亮，路灯不亮", "联系人：某某，路灯不亮"), ("我姓王，路面有坑", "我姓某，路面有坑"), ("请找欧阳先生", "请找某先生"),
    ],
)
def test_what_tells_who_somebody_is_goes(text: str, left: str) -> None:
    assert anonymised(text) == left
    assert anonymised(left) == left, "twice changes nothing"


@pytest.mark.parametrize(
    "text",
    [
        "路面有坑，长3米宽12米", "2026-11-22 09:30 起积水", "R20261122-000017 与此相同", "请先拨打110、12345", "文化路77号3栋2单元1101室",
        "共有1234567个", "灯杆编号 37081200123", "井盖破损，骑车危险",
    ],
)
def test_what_tells_of_the_problem_stays(text: str) -> None:
    assert anonymised(text) == text
