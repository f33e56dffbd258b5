"""Masks and aliases. Pure."""

from uuid import UUID

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ERASED = "已注销用户"
# Family names of two characters that are met in daily life; any other name shows its first character.
COMPOUND = frozenset({
    "欧阳", "太史", "端木", "上官", "司马", "东方", "独孤", "南宫", "万俟", "闻人", "夏侯", "诸葛", "尉迟", "公羊", "赫连", "澹台",
    "皇甫", "宗政", "濮阳", "公冶", "太叔", "申屠", "公孙", "慕容", "仲孙", "钟离", "长孙", "宇文", "司徒", "鲜于", "司空", "闾丘",
    "亓官", "司寇", "巫马", "颛孙", "漆雕", "乐正", "拓跋", "轩辕", "令狐", "百里", "呼延", "东郭", "羊舌", "梁丘", "左丘", "西门",
})


def mask_name(name: str) -> str:
    """张*, 欧阳*. A name of one character shows nothing."""
    if len(name) < 2:
        return "*"
    family = name[:2] if len(name) > 2 and name[:2] in COMPOUND else name[0]
    return f"{family}*"


def mask_phone(phone: str) -> str:
    """138****8000."""
    return f"{phone[:3]}****{phone[-4:]}"


def alias(member_id: UUID) -> str:
    """A name that tells people apart and tells nobody who they are: drawn from the random end of the id, always the same."""
    tail = member_id.int & 0xFFFFF
    return "小哥" + SYMBOLS[tail >> 15] + SYMBOLS[tail >> 10 & 31] + SYMBOLS[tail >> 5 & 31] + SYMBOLS[tail & 31]
