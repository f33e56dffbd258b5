"""Rows of policy texts as answers."""

from collections.abc import Sequence
from typing import Any

from app.policies.models import PolicyText
from app.policies.schemas import PoliciesOut, PolicyBrief, PolicyOut


def _head(text: PolicyText) -> dict[str, Any]:
    return {"code": text.code, "version": text.version, "title": text.title, "effective_on": text.effective_on}


def listed(rows: Sequence[PolicyText]) -> PoliciesOut:
    return PoliciesOut(items=[PolicyBrief.model_validate(_head(text)) for text in rows], next_cursor=None)


def whole(text: PolicyText, versions: Sequence[tuple[PolicyText, bool]]) -> PolicyOut:
    told = [{"version": one.version, "effective_on": one.effective_on, "current": current} for one, current in versions]
    return PolicyOut.model_validate(_head(text) | {"text": text.text, "versions": told})
