"""The printed certificate and the page that its code opens."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import segno
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.audit.models import AuditEvent
from app.checkins.models import Appointment
from app.export import certificates, certificates_pdf, pdf
from app.export.certificates import Certificate
from tests.checkins import paper
from tests.checkins.conftest import NAME, Room
from tests.support.owner import as_owner

SAMPLE = Certificate(
    title="聘书", number="Z20261124-000017", to=NAME, text="现聘请您为东风社区移动微网格员。", issuer="东风社区",
    issued_on=date(2026, 11, 24), verify_url="https://xinxin.example.gov.cn/s/7k3m9q2x5t8v",
)


async def fetched(room: Room, who: str, done: dict[str, Any]) -> httpx.Response:
    held = (done["appointment"] or done["appointments"][0])["id"]
    return await room.call("GET", room.who[who], f"/{done['area']['id']}/checkins/{done['id']}/appointments/{held}/certificate")


async def scanned(room: Room, done: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """What everybody is shown: the API's answer and the page."""
    scene = done["appointment"]["verify_url"].rpartition("/")[2]
    answer, page = await room.client.get(f"/api/v1/qrcodes/{scene}"), await room.client.get(f"/s/{scene}")
    assert (answer.status_code, page.status_code) == (200, 200)
    assert NAME not in answer.text + page.text
    return answer.json()["target"], page.text


async def test_a_certificate_says_who_what_where_until_when_and_how_to_verify_it(room: Room) -> None:
    done = await room.confirmed(room.who["rider"], role="special_grid_worker")
    answer = await fetched(room, "rider", done)
    held = done["appointment"]
    assert (answer.status_code, answer.headers["content-type"], answer.headers["cache-control"]) == (200, "application/pdf", "no-store")
    assert held["number"] in answer.headers["content-disposition"] and NAME not in str(answer.headers)
    words = paper.words(answer.content).replace("\n", "")
    first, last = (certificates.told(date.fromisoformat(held[name])) for name in ("valid_from", "valid_until"))
    for said in ("聘　书", f"{NAME}：", "测试街道东风社区特聘网格员", first, last, held["number"], certificates.told(clock.today())):
        assert said in words, said
    assert paper.links(answer.content) == [held["verify_url"]]
    wanted = certificates_pdf.code(held["verify_url"])
    assert paper.modules(answer.content, len(wanted)) == wanted
    assert (await fetched(room, "rider", done)).content == answer.content


def test_the_code_holds_the_address_and_nothing_else() -> None:
    assert certificates_pdf.code(SAMPLE.verify_url) == tuple(map(tuple, segno.make_qr(SAMPLE.verify_url, error="m").matrix))
    assert certificates_pdf.code(SAMPLE.verify_url) != certificates_pdf.code(SAMPLE.verify_url[:-1] + "w")


@pytest.mark.parametrize("rare", ["㛃", "𠮷", "😀"])
def test_a_rare_character_of_a_name_is_a_box_with_a_note(rare: str) -> None:
    words = paper.words(certificates_pdf.document(Certificate(**{**_fields(), "to": f"王{rare}"})))
    assert f"王{pdf.UNKNOWN}：" in words and certificates_pdf.RARE in words
    assert certificates_pdf.RARE not in paper.words(certificates_pdf.document(SAMPLE))


def _fields() -> dict[str, Any]:
    return {name: getattr(SAMPLE, name) for name in Certificate.__slots__}


def test_long_names_stay_on_one_page() -> None:
    long = Certificate(**{**_fields(), "to": "某" * 120, "issuer": "某" * 240, "text": "某" * 400})
    content = certificates_pdf.document(long)
    assert b"/Count 1" in content and paper.words(content).count("某") == 760


async def test_an_enterprises_certificate(room: Room) -> None:
    made = await room.report_in(room.who["contact"], kind="enterprise", enterprise_id=str(room.firm.id))
    done = (await room.command(room.who["reviewer"], made, "confirm")).json()
    answer = await fetched(room, "contact", done)
    words = paper.words(answer.content).replace("\n", "")
    assert "证　书" in words and "迅达配送有限公司：" in words and "兼职委员单位" in words
    target, page = await scanned(room, done)
    assert target["name"] == "兼职委员单位 迅达配送有限公司" and "迅达配送有限公司" in page
    assert (await fetched(room, "rider", done)).status_code == 404


async def test_only_its_holder_and_the_communitys_reviewer_print_it(room: Room) -> None:
    done = await room.confirmed(room.who["rider"])
    answers = {name: (await fetched(room, name, done)).status_code for name in room.who}
    assert answers == {
        "rider": 200, "reviewer": 200, "street_reviewer": 200, "admin": 403, "other_reviewer": 404, "grid_worker": 404, "contact": 404,
        "other_rider": 404,
    }
    printed = await room.session.exec(
        sa.select(col(AuditEvent.actor_id), col(AuditEvent.object_id)).where(col(AuditEvent.action) == "checkins.print_certificate")
    )
    assert {(actor, str(what)) for actor, what in printed.all()} == {
        (room.who[name].id, done["id"]) for name in ("reviewer", "street_reviewer")
    }


async def test_what_was_stopped_is_not_printed_and_says_so_when_scanned(room: Room) -> None:
    done = await room.confirmed(room.who["rider"])
    target, page = await scanned(room, done)
    assert (target["name"], target["state"], target["community"]) == ("移动微网格员 欧阳*", "valid", "测试街道东风社区")
    assert set(target) == {
        "id", "name", "number", "role", "role_name", "community", "valid_from", "valid_until", "state", "lines",
    }
    assert all(line in page for line in target["lines"]) and "该证书有效" in page
    held = done["appointment"]
    revoked = await room.command(room.who["reviewer"], done, f"appointments/{held['id']}/revoke", {"reason": "不再履职"})
    assert (revoked.json()["state"], revoked.json()["reason"]) == ("revoked", "不再履职")
    for name in ("rider", "reviewer"):
        refused = await fetched(room, name, done)
        assert (refused.status_code, refused.json()["current_status"]) == (409, "revoked")
    target, page = await scanned(room, done)
    assert target["state"] == "revoked" and "已撤销" in page and "不再履职" not in page
    again = await room.command(room.who["reviewer"], done, "appointments", {"role": "mobile_grid_member"})
    assert again.status_code == 201
    assert (await room.command(room.who["rider"], done, "end")).status_code == 200
    later = (await room.seen(room.who["rider"], done))["appointments"][0]
    target, page = await scanned(room, {"appointment": later})
    assert target["state"] == "ended" and "已结束" in page


async def test_the_state_follows_the_databases_day(room: Room) -> None:
    tomorrow = clock.today() + timedelta(days=1)
    done = await room.confirmed(room.who["rider"], valid_from=tomorrow.isoformat())
    assert done["appointment"]["state"] == "not_yet"
    assert (await scanned(room, done))[0]["state"] == "not_yet"
    async with as_owner(room.session):
        await room.session.exec(sa.text("alter table checkin_appointment disable trigger checkin_appointment_keep"))
        await room.session.exec(
            sa.update(Appointment)
            .where(col(Appointment.id) == UUID(done["appointment"]["id"]))
            .values(valid_from=tomorrow - timedelta(days=30), valid_until=tomorrow - timedelta(days=2))
        )
    room.reread()
    target, page = await scanned(room, done)
    assert target["state"] == "ended" and "已结束" in page and "欧阳*" in page
    assert (await fetched(room, "rider", done)).status_code == 200, "what ended by its date was worth something, and may be printed"


async def test_nobody_makes_a_certificates_code_by_hand(room: Room) -> None:
    done = await room.confirmed(room.who["rider"])
    body = {"purpose": "certificate", "target_id": done["appointment"]["id"]}
    for name in ("rider", "reviewer", "admin"):
        answer = await room.client.post("/api/v1/qrcodes", headers=room.who[name].headers, json=body)
        assert answer.status_code in (403, 422), answer.text
