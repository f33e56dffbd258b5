"""A year of the calendar as the kept library has it. Only this module knows the library, and the table decides, not it."""

from datetime import date, timedelta

NOTE_LENGTH = 40
MADE_UP = "调休上班"


def year_of(year: int) -> dict[date, tuple[bool, str | None]]:
    """Every day of a year: working day or not, and why it differs from the weekday's rule."""
    import holidays  # takes a good part of a second to load, and no request or other job needs it

    known = holidays.country_holidays("CN", years=year, language="zh_CN")
    first, found = date(year, 1, 1), dict[date, tuple[bool, str | None]]()
    for day in (first + timedelta(days=number) for number in range((date(year + 1, 1, 1) - first).days)):
        works, weekend = known.is_working_day(day), day.isoweekday() > 5
        occasion = known.get(day)
        note = MADE_UP if works and weekend else occasion[:NOTE_LENGTH] if occasion and not works else None
        found[day] = (works, note)
    return found
