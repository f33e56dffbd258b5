"""`/discounts`: changing what a store gives its members."""

from typing import Annotated
from uuid import UUID

from fastapi import Path

from app.auth import routing
from app.auth.routing import IfMatch, Session, SignedIn
from app.discounts import service, views
from app.discounts.schemas import DiscountOut, DiscountPatch

router = routing.router("/discounts", tag="会员优惠")
DiscountId = Annotated[UUID, Path(description="会员优惠编号", examples=["01933c5e-7a00-7000-8000-000000000008"])]


@router.patch("/{discount_id}", summary="修改或暂停会员优惠（店主、区域管理员）")
async def update(
    discount_id: DiscountId, body: DiscountPatch, principal: SignedIn, session: Session, if_match: IfMatch
) -> DiscountOut:
    fields = body.model_dump(exclude_unset=True)
    discount = await service.update(session, principal=principal, discount_id=discount_id, seen=if_match, fields=fields)
    return await views.one(session, principal, discount)
