"""Bodies and answers of enterprises."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, StringConstraints, model_validator

from app.enterprises.models import EnterpriseKind
from app.schemas import Body, Count, Line, Named, Out

# GB 32100: letters without I, O, S, V, Z; the third to eighth symbol are the area's digits. Small letters are read as capitals.
SYMBOL = "0-9A-HJ-NP-RTUWXYa-hj-np-rtuwxy"
Uscc = Annotated[str, StringConstraints(pattern=rf"^[{SYMBOL}]{{2}}[0-9]{{6}}[{SYMBOL}]{{10}}$"), AfterValidator(str.upper)]
ID = "01933c5e-7a00-7000-8000-00000000000"
EXAMPLE: dict[str, Any] = {"name": "迅达配送有限公司", "uscc": "91370812MA3C4D5E69", "kind": "franchise", "headcount": 86}


class EnterpriseIn(Body):
    """A new enterprise. `uscc_confirmed`: the code is really the company's although its check digit is wrong."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE | {"area_id": ID + "1"}]}}

    name: Line
    uscc: Uscc
    kind: EnterpriseKind
    area_id: UUID
    headcount: Count | None = None
    uscc_confirmed: bool = False


class EnterprisePatch(Body):
    """What is given is changed; null removes the headcount and nothing else. Another code must be confirmed anew."""

    model_config = {"json_schema_extra": {"examples": [{"headcount": 92}]}}

    name: Line | None = None
    uscc: Uscc | None = None
    kind: EnterpriseKind | None = None
    area_id: UUID | None = None
    headcount: Count | None = None
    uscc_confirmed: bool | None = None

    @model_validator(mode="after")
    def _removes_only_the_headcount(self) -> Self:
        if any(getattr(self, name) is None for name in self.model_fields_set - {"headcount"}):
            raise ValueError("只有从业人数可以清空")
        return self


class EnterpriseOut(Out):
    """One enterprise. Code, headcount and warnings are for its contact and its administrators; others read null, and no warnings."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                EXAMPLE | {"id": ID + "2", "area": {"id": ID + "1", "name": "兖州区"}, "warnings": [], "version": 1, "allowed": ["update"]}
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
    version: int
    allowed: list[str]
