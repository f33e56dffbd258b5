"""Bodies and answers of enterprises."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, StringConstraints, model_validator

from app.enterprises.models import EnterpriseKind
from app.schemas import Body, Count, Day, Line, Named, Out

# GB 32100: letters without I, O, S, V, Z; the third to eighth symbol are the area's digits. Small letters are read as capitals.
SYMBOL = "0-9A-HJ-NP-RTUWXYa-hj-np-rtuwxy"
FULL_WIDTH = {at: at - 0xFEE0 for at in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
ID = "01933c5e-7a00-7000-8000-00000000000"
EXAMPLE: dict[str, Any] = {"name": "迅达配送有限公司", "uscc": "91370812MA3C4D5E69", "kind": "franchise", "headcount": 86}
FIGURE: dict[str, Any] = {"on": "2026-11-24", "headcount": 92}


def _half_width(told: Any) -> Any:
    """Chinese keyboards write ９１３７; letters and digits are the same ones."""
    return told.translate(FULL_WIDTH).strip() if isinstance(told, str) else told


Uscc = Annotated[
    str, StringConstraints(pattern=rf"^[{SYMBOL}]{{2}}[0-9]{{6}}[{SYMBOL}]{{10}}$"), BeforeValidator(_half_width), AfterValidator(str.upper)
]


class EnterpriseIn(Body):
    """A new enterprise. `uscc_confirmed`: the code is really the company's although its check digit is wrong.

    `listed_on`: the local day from which it counts in figures, today unless told.
    """

    model_config = {"json_schema_extra": {"examples": [EXAMPLE | {"area_id": ID + "1"}]}}

    name: Line
    uscc: Uscc
    kind: EnterpriseKind
    area_id: UUID
    headcount: Count | None = None
    uscc_confirmed: bool = False
    listed_on: Day | None = None


class EnterprisePatch(Body):
    """What is given is changed; null removes the headcount or the day of closing, and nothing else. Another code is confirmed anew.

    `closed_on`: from this local day on the enterprise is closed.
    """

    model_config = {"json_schema_extra": {"examples": [{"headcount": 92}]}}

    name: Line | None = None
    uscc: Uscc | None = None
    kind: EnterpriseKind | None = None
    area_id: UUID | None = None
    headcount: Count | None = None
    uscc_confirmed: bool | None = None
    listed_on: Day | None = None
    closed_on: Day | None = None

    @model_validator(mode="after")
    def _removes_only_what_may_be_missing(self) -> Self:
        if any(getattr(self, name) is None for name in self.model_fields_set - {"headcount", "closed_on"}):
            raise ValueError("只有从业人数和关闭日期可以清空")
        return self


class EnterpriseOut(Out):
    """One enterprise. Code, headcount and warnings are for its contact and its administrators; others read null, and no warnings."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                EXAMPLE | {
                    "id": ID + "2", "area": {"id": ID + "1", "name": "兖州区"}, "warnings": [], "listed_on": "2026-11-24",
                    "closed_on": None, "version": 1, "allowed": ["update", "headcount"],
                }
            ]
        }
    }

    id: UUID
    name: str
    uscc: str | None
    kind: EnterpriseKind
    area: Named
    headcount: int | None
    warnings: list[str]
    listed_on: Day
    closed_on: Day | None
    version: int
    allowed: list[str]


class HeadcountIn(Body):
    """How many work for the enterprise on a local day up to today; told again for the same day, the last figure counts."""

    model_config = {"json_schema_extra": {"examples": [FIGURE]}}

    on: Day
    headcount: Count


class HeadcountOut(Out):
    """The figure of one day; null: from this day on no figure is known."""

    model_config = {"json_schema_extra": {"examples": [FIGURE]}}

    on: Day
    headcount: int | None
