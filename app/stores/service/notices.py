"""Messages about applications to become a store. What an administrator reads names nobody's shop: it outlives an erasure."""

from app.auth import queries as auth_queries
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.messages import service as messages_service
from app.stores.models_applications import Status, StoreApplication

PAGE = "pages/stores/application?id={id}"
SAID = {
    Status.SUBMITTED: ("入驻申请已提交", "“{name}”的入驻申请（{number}）已提交，工作人员会尽快审核。"),
    Status.RETURNED: ("入驻申请需要补充", "“{name}”的入驻申请（{number}）需要补充，请在小程序中查看原因并修改后重新提交。"),
    Status.APPROVED: ("入驻申请已通过", "“{name}”已成为合作商家，您是店主，可以在小程序中管理店铺。"),
    Status.REJECTED: ("入驻申请未通过", "“{name}”的入驻申请（{number}）未通过，请在小程序中查看原因。"),
    Status.WITHDRAWN: ("入驻申请已撤回", "“{name}”的入驻申请（{number}）已撤回。"),
}


async def tell_applicant(session: AsyncSession, row: StoreApplication) -> None:
    """What has become of it."""
    title, body = SAID[row.status]
    await messages_service.send(
        session, member_id=row.applicant_id, category="system", title=title,
        body=body.format(name=row.name, number=row.number), path=PAGE.format(id=row.id),
        reference=("store_application", row.id, row.number),
    )


async def tell_administrators(session: AsyncSession, row: StoreApplication) -> None:
    """Those of its area hear that one waits for them, but for who sent it in."""
    for account_id in await auth_queries.covering(session, area_path=row.area_path, roles=[Role.AREA_ADMIN]):
        if account_id != row.applicant_id:
            await messages_service.send(
                session, member_id=account_id, category="system", title="有商家入驻申请等待审核",
                body=f"入驻申请 {row.number} 等待审核，请在小程序或后台查看。", path=PAGE.format(id=row.id),
                reference=("store_application", row.id, row.number),
            )
