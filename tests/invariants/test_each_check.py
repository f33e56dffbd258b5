"""Every check finds its damage, names it and knows where it lies; in books that are right none finds anything."""

from dataclasses import dataclass
from typing import Any

import pytest

from app.invariants import service
from app.invariants.checks import BY_CODE, CHECKS
from app.invariants.service import Result
from tests.invariants.conftest import Books

RIDER, NEIGHBOUR, SHOP, EVERYBODY = "rider", "neighbour", "shop", "everybody"


@dataclass(frozen=True)
class Damage:
    """What is done to the rows by hand, the id that the check must name (SQL, asked before), and where it lies."""

    does: str
    names: str
    area: str = RIDER


OF_RIDER = "(select id from points_transaction where member_id = :rider and kind = 'earn' order by account_version limit 1)"
DAMAGES = {
    "I1": Damage(f"update points_entry set amount = amount + 1 where transaction_id = {OF_RIDER} and account = 'available'", OF_RIDER),
    "I1b": Damage(f"delete from points_entry where transaction_id = {OF_RIDER}", OF_RIDER),
    "I2": Damage(
        "update points_entry set amount = amount + 7 where id = (select id from points_entry limit 1)", "(select '7')", EVERYBODY
    ),
    "I3": Damage(
        """alter table points_balance drop constraint ck_points_balance_not_negative;
           update points_balance set available = -1 where member_id = :neighbour""", "(select :neighbour)", NEIGHBOUR,
    ),
    "I4": Damage("update points_balance set available = available + 1 where member_id = :neighbour", "(select :neighbour)", NEIGHBOUR),
    "I4b": Damage(
        "update points_lot set remaining = remaining - 1 where id = (select id from points_lot where remaining > 0 and member_id = :rider"
        " limit 1)", "(select :rider)",
    ),
    "I4c": Damage(f"update points_transaction set balance_after = balance_after + 1 where id = {OF_RIDER}", OF_RIDER),
    "I4d": Damage(
        "delete from points_transaction where member_id = :rider and account_version ="
        " (select max(account_version) from points_transaction where member_id = :rider)", "(select :rider)",
    ),
    # A point moves from one lot of the member to another: the member's sum stays.
    "I4e": Damage(
        """update points_lot set remaining = remaining - 1 where id =
             (select id from points_lot where member_id = :rider and remaining > 0 order by id limit 1);
           update points_lot set amount = amount + 1, remaining = remaining + 1 where id =
             (select id from points_lot where member_id = :rider and remaining > 0 order by id desc limit 1)""",
        "(select id from points_lot where member_id = :rider and remaining > 0 order by id limit 1)",
    ),
    "I4f": Damage(
        f"update points_entry set balance_after = balance_after + 1 where transaction_id = {OF_RIDER} and account = 'available'",
        f"(select id from points_entry where transaction_id = {OF_RIDER} and account = 'available')",
    ),
    "I4g": Damage(
        f"update points_entry set account_version = 77 where transaction_id = {OF_RIDER} and account = 'available'", OF_RIDER
    ),
    "I5": Damage(
        f"update points_award set credited = credited + 1 where transaction_id = {OF_RIDER}",
        f"(select id from points_award where transaction_id = {OF_RIDER})",
    ),
    "I5a": Damage(
        f"""alter table points_award drop constraint uq_points_award_rule_code_source_type_source_id_member_id;
            insert into points_award (id, member_id, rule_code, rule_version, source_type, source_id, filed_on, credited, withheld,
                                      transaction_id)
            select gen_random_uuid(), member_id, rule_code, rule_version, source_type, source_id, filed_on, credited, withheld,
                   transaction_id from points_award where transaction_id = {OF_RIDER}""",
        "(select concat_ws(' ', rule_code, source_type, source_id, member_id) from points_award"
        f" where transaction_id = {OF_RIDER})",
    ),
    "I5b": Damage(
        "delete from points_award where rule_code = 'REPORT_ACCEPTED'",
        "(select id from report where accepted_rule is not null order by id limit 1)",
    ),
    "I5c": Damage(
        "update points_confirmation set status = 'confirmed', decided_by = :neighbour, decided_at = now()",
        "(select id from points_confirmation)",
    ),
    "I5d": Damage(
        "delete from points_award where rule_code = 'SUGGESTION_ADOPTED'",
        "(select id from points_proposal where rule_code = 'SUGGESTION_ADOPTED')",
    ),
    "I5e": Damage("update report set first_closed_at = null", "(select id from report where first_closed_at is not null)"),
    "I6": Damage("update redemption set status = 'issued', verification_id = null where id = :verified", "(select :verified)"),
    "I7": Damage("update redemption set points = points + 1 where id = :issued", "(select :issued)"),
    # Held and released once more: what is held and captured still fits.
    "I7b": Damage(
        """insert into points_transaction (id, member_id, kind, amount, held, balance_after, account_version, reason_code, reference_type,
                                           reference_id)
           select gen_random_uuid(), member_id, k.kind, k.amount, -k.amount, 0, k.version, 'test', 'redemption', id
             from redemption cross join (values ('hold', -5, 1001), ('release', 5, 1002)) k(kind, amount, version)
            where id = :verified""", "(select :verified)",
    ),
    "I7c": Damage(
        "update access_grant set revoked_at = now() - interval '1 year' where account_id = :clerk",
        "(select id from verification order by id limit 1)", SHOP,
    ),
    "I7d": Damage(
        """update points_entry set month = month - interval '1 month' where account = 'redeemed' and transaction_id =
             (select id from points_transaction where kind = 'capture' and reference_id = :verified)""", "(select :verified)", SHOP,
    ),
    "I8": Damage("update reward_stock set stock_left = stock_left + 1", "(select reward_id from reward_stock limit 1)", SHOP),
    "I8b": Damage("update reward_stock_day set sold = sold + 1", "(select concat_ws(' ', reward_id, day) from reward_stock_day)", SHOP),
    "I8c": Damage(
        "update reward_slot set redemption_id = null", "(select redemption_id from reward_slot where redemption_id is not null)", SHOP
    ),
    "I9": Damage("delete from message where reference_id = :verified", "(select :verified)"),
    "I9b": Damage(
        "delete from message where reference_type = 'points_entry' and member_id = :neighbour",
        "(select id from points_proposal where member_id = :neighbour order by id limit 1)", NEIGHBOUR,
    ),
    "I10": Damage("delete from redemption where id = :issued", "(select concat('redemption ', :issued))"),
    "I10b": Damage(
        "delete from idempotency_key where account_id = :clerk",
        "(select concat('verification ', id) from verification order by id limit 1)", EVERYBODY,
    ),
    "I11": Damage(
        "update points_cap set per_day = 99 where code = 'GLOBAL'",
        "(select concat_ws(' ', :rider, 'day', filed_on) from points_award where rule_code = 'HAZARD_ACCEPTED' limit 1)",
    ),
    "I11b": Damage(
        "update points_rule set per_day = 1 where code = 'HAZARD_ACCEPTED'",
        "(select concat_ws(' ', :rider, 'HAZARD_ACCEPTED day', min(filed_on)) from points_award where rule_code = 'HAZARD_ACCEPTED')",
    ),
    "I12": Damage(
        "delete from audit_event where action = 'redemption.place' and object_id = :issued", "(select concat('hold ', :issued))"
    ),
    "I12b": Damage(
        "delete from audit_event where action = 'points.approved_adjustment' and facts ->> 'member_id' = :rider",
        "(select transaction_id from points_proposal where type = 'adjustment' and member_id = :rider limit 1)",
    ),
    "I13": Damage("update settlement_line set cents = cents + 1", "(select verification_id from settlement_line)", SHOP),
    "I13b": Damage("update settlement set total_cents = total_cents + 1", "(select id from settlement)", SHOP),
    "I13c": Damage(
        "update settlement_correction set month = month + interval '3 months'", "(select id from settlement_correction)", SHOP
    ),
    "I14": Damage(
        """insert into points_level (member_id, month, level, earned) values
             (:rider, '2026-01-01', 5, 3000), (:rider, '2026-02-01', 3, 0)""", "(select :rider)",
    ),
    # A moment earlier on the same day: the month, the order and the points all stay.
    "I15": Damage(
        """update verification set verified_at = verified_at - interval '1 microsecond' where id =
             (select verification_id from settlement_line)""", "(select concat_ws(' ', store_id, day) from store_day_head)", SHOP,
    ),
}
# The last line of each sort, or an event that stands alone: by the audit event that is taken away, or the line.
TRAIL = {
    "earn": "delete from audit_event where action = 'points.award' and facts ->> 'rule' = 'SUGGESTION_ADOPTED'",
    "hold": "delete from points_transaction where kind = 'hold' and reference_id = :issued",
    "capture": "delete from audit_event where action = 'redemption.verify' and object_id = :undone",
    "undo": "delete from audit_event where action = 'redemption.undo'",
    "release": "update audit_event set facts = facts || '{\"points\": 11}' where action = 'redemption.cancel'",
    "expire": "delete from audit_event where action = 'points.lapse'",
}


def values(books: Books) -> dict[str, str]:
    known = {"rider": books.rider.id, "neighbour": books.neighbour.id, "clerk": books.shop.clerk.id} | books.orders
    return {name: f"'{value}'" for name, value in known.items()}


def filled(books: Books, sql: str) -> str:
    for name, value in values(books).items():
        sql = sql.replace(f":{name}", value)
    return sql


async def damage(books: Books, sql: str) -> None:
    await books.as_owner(*filled(books, sql).split(";"))


async def judged(books: Books, code: str) -> Result:
    [result] = await service.examine(books.database, checks=[BY_CODE[code]])
    assert result.error is None, result
    return result


def path_of(books: Books, area: str) -> str:
    county = books.county
    return {NEIGHBOUR: county.other_community.path, EVERYBODY: county.root.path}.get(area, county.community.path)


def test_every_check_has_its_damage() -> None:
    assert set(DAMAGES) == {check.code for check in CHECKS}
    assert {f"I{number}" for number in range(1, 13)} <= set(DAMAGES), "reliability.md has I1 to I12"


async def test_books_that_are_right_are_clean(untouched: Books) -> None:
    results = await service.examine(untouched.database)
    assert [result.check for result in results] == list(CHECKS), "each once, in their order"
    assert [(result.check.code, result.sample, result.error) for result in results if result.broken or result.error] == []
    assert [result.check.code for result in results if not result.rows] == [], "a check that looked at nothing shows nothing"
    assert await service.check_all(untouched.database) == []


@pytest.mark.parametrize("code", DAMAGES)
async def test_a_check_finds_its_damage(untouched: Books, code: str) -> None:
    done = DAMAGES[code]
    [[name]] = await untouched.sql(f"select {filled(untouched, done.names)}::text")
    assert (await judged(untouched, code)).broken == 0
    await damage(untouched, done.does)
    found = await judged(untouched, code)
    assert found.broken >= 1 and name in found.sample
    assert path_of(untouched, done.area) in [place.area_path for place in found.places]
    assert sum(place.count for place in found.places) == found.broken
    other = untouched.county.other_community if done.area in (RIDER, SHOP) else untouched.county.community
    assert done.area == EVERYBODY or other.path not in [place.area_path for place in found.places], "the other community is not concerned"
    offending = [row[0] for row in await untouched.sql(BY_CODE[code].sql)] if code not in ("I10", "I10b") else [name]
    assert name in offending


@pytest.mark.parametrize("kind", TRAIL)
async def test_every_kind_of_line_is_looked_for_in_the_trail(untouched: Books, kind: str) -> None:
    await damage(untouched, TRAIL[kind])
    found = await judged(untouched, "I12")
    assert found.broken == 1 and found.sample[0].startswith(f"{kind} ")


async def test_an_answer_that_cannot_be_opened_is_found(untouched: Books) -> None:
    first = "(select row_id from idempotency_key where account_id = :clerk order by created_at limit 1)"
    await damage(untouched, f"update idempotency_key set body = overlay(body placing 'x' from 40) where row_id = {first}")
    assert (await judged(untouched, "I10")).sample[0].startswith("answer ")


async def test_two_answers_that_name_one_effect_are_found(untouched: Books) -> None:
    """Under a second key the same order would be shown as a second one."""
    twice = """
        insert into idempotency_key (account_id, key, row_id, fingerprint, status, media_type, body)
        select account_id, 'another-key', row_id, fingerprint, status, media_type, body from idempotency_key
         where account_id = :clerk order by created_at limit 1"""
    await damage(untouched, twice)
    found = await judged(untouched, "I10")
    assert found.broken == 1 and found.sample[0].startswith("verification ")


async def test_a_cap_that_is_lowered_takes_nothing_back(untouched: Books) -> None:
    """Two hazards were paid on a day under version 1; version 2 allows one a day, and judged the second of the next day's two."""
    later = """
        insert into points_rule (id, code, version, title, points, per_day, conditions)
        select gen_random_uuid(), code, 2, title, points, 1, conditions from points_rule where code = 'HAZARD_ACCEPTED' and version = 1"""
    await damage(untouched, later)
    assert (await judged(untouched, "I11b")).broken == 0
    newest = "(select id from points_award where rule_code = 'HAZARD_ACCEPTED' and filed_on = ("
    newest += "select min(filed_on) from points_award where rule_code = 'HAZARD_ACCEPTED') order by created_at desc limit 1)"
    await damage(untouched, f"update points_award set rule_version = 2 where id = {newest}")
    found = await judged(untouched, "I11b")
    assert found.broken == 1, "the second award of that day was judged by a version that allows one"


async def test_what_lies_nowhere_concerns_everybody(untouched: Books) -> None:
    """A member without a work area belongs to the oldest tenant."""
    await untouched.sql("update member set area_id = null, area_path = null where id = :id", id=untouched.rider.id)
    await damage(untouched, DAMAGES["I1"].does)
    found: Any = await judged(untouched, "I1")
    assert [place.area_path for place in found.places] == [untouched.county.root.path]
