"""Pure rules of rosters: how long their lines stay, when two names are the same."""

import unicodedata
from datetime import timedelta

ROSTER_KEPT = timedelta(days=30)  # an organisation's lines, after they were matched
UPLOADS_A_DAY = 50


def same_name(one: str, other: str) -> bool:
    return normal_name(one) == normal_name(other)


def normal_name(name: str) -> str:
    """The form in which names are compared: full-width letters as plain ones, without spaces, middle dots alike."""
    folded = unicodedata.normalize("NFKC", name).replace("•", "·").replace("・", "·").casefold()
    return "".join(char for char in folded if not char.isspace())
