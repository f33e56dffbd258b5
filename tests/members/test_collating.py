"""The alphabetical order of people: by pinyin, as family names are read; then by mask, then by id."""

from uuid import UUID

import pytest

from app.members import collating


@pytest.mark.parametrize(
    "names",
    [
        ["阿卜杜拉·买买提", "安妮", "John Smith", "李四", "张三"],
        ["李安", "李白", "黎明", "李四", "吕布", "罗成"],
        ["仇英", "单雄信", "解珍", "尉迟恭", "岳飞", "乐嘉", "曾国藩", "查良镛", "翟让"],
        ["万俟卨", "牟其中", "欧阳修"],
        ["张伟", "章微", "张薇薇"],
    ],
    ids=["several scripts", "given names", "read otherwise", "two characters", "the same sound"],
)
def test_names_are_sorted_by_their_pinyin(names: list[str]) -> None:
    ids = {name: UUID(int=99 - number) for number, name in enumerate(names)}
    assert sorted(names, key=lambda name: collating.key(name, ids[name])) == names


def test_readings() -> None:
    assert collating.syllables("欧阳小明") == ("ou", "yang", "xiao", "ming")
    assert collating.syllables("尉迟恭") == ("yu", "chi", "gong") and collating.syllables("尉健行")[0] == "wei"
    assert collating.syllables("吕布") == ("lu:", "bu") and collating.syllables("阿里·Khan") == ("a", "li", "k", "h", "a", "n")


def test_ties_and_those_without_a_name() -> None:
    one, two = UUID(int=1), UUID(int=2)
    assert collating.key("李丽", one) < collating.key("李丽", two)
    assert collating.key("李丽", two) < collating.key("黎丽", one), "the mask comes before the id"
    assert collating.key("座", two) < collating.key(None, one) < collating.key(None, two)
