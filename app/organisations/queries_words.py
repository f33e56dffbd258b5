"""Every SELECT of the words for kinds and formation ways."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession
from app.errors import ValidationFailed
from app.organisations.models import FormationWord, KindWord

TABLES: dict[str, type[KindWord] | type[FormationWord]] = {"kind": KindWord, "formation": FormationWord}


@dataclass(frozen=True, slots=True)
class Words:
    """The Chinese names by code, and the codes that are not for new organisations any more, for `kind` and for `formation`."""

    names: dict[str, dict[str, str]]
    out_of_force: dict[str, set[str]]


async def kinds(session: AsyncSession) -> Sequence[KindWord]:
    found = await session.exec(sa.select(KindWord).order_by(col(KindWord.rank), col(KindWord.code)))
    return found.scalars().all()


async def formations(session: AsyncSession) -> Sequence[FormationWord]:
    found = await session.exec(sa.select(FormationWord).order_by(col(FormationWord.code)))
    return found.scalars().all()


async def words(session: AsyncSession) -> Words:
    """All of them, in one statement: there are few."""
    parts: list[sa.Select[*tuple[Any, ...]]] = [
        sa.select(sa.literal(field).label("field"), col(table.code).label("code"), col(table.name).label("name"), col(table.in_force))
        for field, table in TABLES.items()
    ]
    found = await session.exec(sa.union_all(*parts))
    all_of_them = Words({field: {} for field in TABLES}, {field: set() for field in TABLES})
    for field, code, name, in_force in found.all():
        all_of_them.names[field][code] = name
        if not in_force:
            all_of_them.out_of_force[field].add(code)
    return all_of_them


def require_known(words: Words, *, field: str, code: str | None, place: str = "body") -> None:
    """Raises ValidationFailed for a code that is no word of ours."""
    if code is not None and code not in words.names[field]:
        raise ValidationFailed.of(place, field, msg="没有这个选项", kind="unknown_word")


def require_in_force(words: Words, *, field: str, code: str | None, held: Collection[str] = ()) -> None:
    """Raises ValidationFailed for a word that is out of force, unless the organisation has it anyway."""
    if code in words.out_of_force[field] and code not in held:
        raise ValidationFailed.of("body", field, msg="该选项已停用", kind="word_out_of_force")
