"""What a check of the chain can find, and how it is kept: every finding is counted, the first of each sort is named. Knows no database."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.seals.queries import Head
from app.seals.rows import Kind


class Wrong(StrEnum):
    """In the order in which they are told where several have the same place."""

    CHANGED = "changed"
    DELETED = "deleted"
    LINKS = "links"
    MISSING = "missing"
    ORDER = "order"
    FORMAT = "format"
    SIGNATURE = "signature"
    UNVERIFIABLE = "unverifiable"
    UNSEALED = "unsealed"
    ANCHOR = "anchor"
    ANCHOR_FILE = "anchor_file"
    ARCHIVE = "archive"


MEANS = {
    Wrong.CHANGED: "内容与封存时不同 / is not what was sealed",
    Wrong.DELETED: "已被删除 / is gone",
    Wrong.LINKS: "封存记录被增删、改动或调换 / its links are not those that were sealed",
    Wrong.MISSING: "区块缺失 / the block is missing",
    Wrong.ORDER: "与前一区块不衔接 / does not follow from the block before",
    Wrong.FORMAT: "格式未知 / made in a format that this release does not know",
    Wrong.SIGNATURE: "签名不符 / the signature is not ours",
    Wrong.UNVERIFIABLE: "签名密钥不在密钥环中，无法验证 / the signature cannot be verified: its key is not in the ring",
    Wrong.UNSEALED: "绕过封存写入，或其封存记录已被删除 / was added past the seals, or its link was taken away",
    Wrong.ANCHOR: "锚点对应的区块不在链上 / an anchored block is not in the chain",
    Wrong.ANCHOR_FILE: "锚点文件无效 / the file is no anchor of ours",
    Wrong.ARCHIVE: "审计归档缺失或与封存不符 / an archive of the trail is gone, or is not what was sealed",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`block` None: the row is in no block. `note` says more where there is more to say."""

    wrong: Wrong
    block: int | None = None
    position: int | None = None
    kind: Kind | None = None
    row_id: UUID | None = None
    note: str | None = None

    @property
    def place(self) -> tuple[bool, int, int, int, str]:
        """Chain order; what is in no block comes last, by its id."""
        where = -1 if self.position is None else self.position
        return self.block is None, self.block or 0, where, list(Wrong).index(self.wrong), str(self.row_id)

    def __str__(self) -> str:
        row = f"{self.kind.table} {self.row_id}" if self.kind is not None else None
        block = f"block {self.block}" if self.block is not None else None
        place = ", ".join(filter(None, (row, block)))
        return f"{place + ': ' if place else ''}{MEANS[self.wrong]}{f' ({self.note})' if self.note else ''}"


@dataclass(slots=True)
class Verdict:
    """`pruned`: audit events that were removed after the time they are kept for. `rows` are those of the four tables that were looked at.

    `waiting`: noted and not sealed yet; `before`: rows from before the chain that the sealer has not come to.
    """

    since: int = 1
    blocks: int = 0
    links: int = 0
    rows: int = 0
    pruned: int = 0
    waiting: int = 0
    before: bool = False
    anchors: int = 0
    void: int = 0
    vouched_to: int = 0
    last_anchor: datetime | None = None
    head: Head | None = None
    seconds: float = 0.0
    counts: Counter[Wrong] = field(default_factory=Counter)
    named: dict[Wrong, Finding] = field(default_factory=dict)

    def add(self, finding: Finding, *, count: int = 1) -> None:
        self.counts[finding.wrong] += count
        self.named[finding.wrong] = min(self.named.get(finding.wrong, finding), finding, key=lambda one: one.place)

    @property
    def clean(self) -> bool:
        return not self.counts

    @property
    def first(self) -> Finding | None:
        return min(self.named.values(), key=lambda one: one.place, default=None)

    def findings(self) -> Iterator[tuple[Finding, int]]:
        """The first of each sort, in chain order, and how many there are of it."""
        for finding in sorted(self.named.values(), key=lambda one: one.place):
            yield finding, self.counts[finding.wrong]
