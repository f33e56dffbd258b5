"""Alive, ready, and the figures behind their token."""

from app.db import session as db_session
from app.parts import session_info

TOKEN = {"Authorization": "Bearer metrics-token-for-tests"}


async def test_ready_names_its_parts(client) -> None:
    assert (await client.get("/health/live")).json() == {"status": "ok"}
    ready = await client.get("/health/ready")
    assert ready.status_code == 200
    told = ready.json()
    assert told["parts"].pop("disk") in {"ok", "filling"}
    assert told == {
        "status": "ok", "parts": {"database": "ok", "storage": "ok", "jobs": "ok", "wechat": "ok", "backup": "none", "clock": "ok"},
        "dead_jobs": 0, "redemption_freezes": 0, "wechat_stops": [],
    }


async def test_a_lost_database_is_not_ready_and_still_alive(client, application, settings) -> None:
    nowhere = db_session.connect("postgresql://postgres@/xinxin?host=/nonexistent&port=5432", info=session_info(settings), pool_size=1)
    application.state.database = nowhere
    answer = await client.get("/health/ready")
    await nowhere.close()
    assert (answer.status_code, answer.json()["parts"]["database"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert (await client.get("/health/live")).status_code == 200


async def test_figures_want_their_token(client, application, settings) -> None:
    await client.get("/api/v1/areas")
    shown = await client.get("/metrics", headers=TOKEN)
    assert shown.status_code == 200
    assert 'xinxin_requests_total{method="GET",route="/api/v1/areas",status="200"}' in shown.text
    assert (await client.get("/metrics")).json()["code"] == "unauthenticated"
    application.state.settings = settings.model_copy(update={"metrics_token": None})
    try:
        assert (await client.get("/metrics", headers=TOKEN)).json()["code"] == "not_found"
    finally:
        application.state.settings = settings
