"""Takes out of a sentence what tells who somebody is: numbers of phones and papers, plates, names where they are introduced. Pure.

No scan finds everything. It is for sentences that are years old, and it may take a character too many rather than one too few.
"""

import re

from app.members.masking import COMPOUND

NUMBER, PLATE, ACCOUNT, SOMEBODY = "〔号码〕", "〔车牌〕", "〔账号〕", "某某"
GAP = r"[\s\-‐–—.·]?"  # what people put between the digits of a number
HAN = "[\u4e00-\u9fff]"
SURNAME = f"(?:{'|'.join(sorted(COMPOUND))}|{HAN})"
ENDS = "(?=住|在|是|的|电话|手机|号码|家|和|跟|说|，|,|。|[^\u4e00-\u9fff]|$)"
TITLES = "先生|女士|小姐|师傅|大爷|大妈|阿姨|老师|经理|队长|书记|主任"

PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Identity cards of 18 and 15 characters, then bank cards, before anything shorter is found within them.
    (re.compile(rf"(?<!\d)\d(?:{GAP}\d){{16}}{GAP}[\dXxＸｘ](?![\dXxＸｘ])"), NUMBER),
    (re.compile(rf"(?<!\d)\d(?:{GAP}\d){{14,18}}(?!\d)"), NUMBER),
    (re.compile(rf"(?<!\d)(?:[+＋]?[8８][6６]{GAP})?[1１]{GAP}[3-9３-９](?:{GAP}\d){{9}}(?!\d)"), NUMBER),
    (re.compile(rf"(?<!\d)[(（]?[0０]\d{{2,3}}[)）]?{GAP}[2-9２-９](?:{GAP}\d){{6,7}}(?!\d)"), NUMBER),
    (re.compile(rf"(电话|手机|座机|号码|tel)([是为]?[:：]?\s*)\d(?:{GAP}\d){{5,}}", re.IGNORECASE), rf"\1\2{NUMBER}"),
    (re.compile(r"(微信|QQ|qq|抖音|vx|VX|V信|wx)(号?[是为]?[:：]?\s*)[A-Za-z0-9][A-Za-z0-9_\-]{4,19}"), rf"\1\2{ACCOUNT}"),
    (re.compile(r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9.\-]+\.[A-Za-z]{2,}"), ACCOUNT),
    (re.compile(r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z][·•\s]?[A-Z0-9]{5,6}(?![A-Z0-9])"), PLATE),
    (re.compile(rf"(我叫|我的名字叫|名字叫|名叫|姓名[是为]?[:：]?|联系人[是为]?[:：]?)(\s*)(?:{HAN}{{2,4}}?{ENDS}|{HAN}{{2,3}})"),
     rf"\1\2{SOMEBODY}"),
    (re.compile(rf"([我他她]姓|免贵姓)({SURNAME})"), r"\1某"),
    (re.compile(rf"{SURNAME}(?={TITLES})(?<!一位)(?<!这位)(?<!那位)(?<!有位)"), "某"),
)


def anonymised(text: str) -> str:
    """The sentence without what was found. Doing it twice changes nothing more."""
    for pattern, instead in PATTERNS:
        text = pattern.sub(instead, text)
    return text
