"""The known-bad variant: the dictionary finds what a plain stack does wrong, so it would find it in ours."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from tests.robustness.lab import fault_of
from tests.robustness.nasty import BODIES, JSON, VALUES, written


class Plain(BaseModel):
    amount: float
    text: str = ""


def plain_app() -> FastAPI:
    app, kept = FastAPI(), list[Any]()

    @app.post("/things")
    async def add(body: Plain) -> int:
        kept.append(body)
        return len(body.text.encode()) + int(body.amount)

    @app.get("/things")
    async def things() -> list[Any]:
        return [int(thing.amount) for thing in kept]

    return app


@pytest.mark.variant("S38")
async def test_a_plain_stack_fails() -> None:
    transport = httpx.ASGITransport(app=plain_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        heard = {what: await client.post("/things", content=content, headers=headers) for what, (content, headers) in BODIES.items()}
        for what, value in VALUES.items():
            for field in ("amount", "text"):
                sent = written({"amount": 1.5, "text": "x"} | {field: value})
                heard[f"{field} = {what}"] = await client.post("/things", content=sent, headers={"content-type": JSON})
        broken = {what for what, answer in heard.items() if answer.status_code >= 500}
        assert {"amount = not a number", "amount = 1e999", "text = surrogate"} <= broken, broken
        assert (await client.get("/things")).status_code == 500
        assert all(fault_of(heard[what]) for what in broken)
