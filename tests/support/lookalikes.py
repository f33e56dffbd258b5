"""Photos as an upload leaves them, with what their files told: digest, prints, time and place. Without the work on pixels."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import BitString

from app.db.base import new_id
from app.db.session import AsyncSession
from app.uploads import prints, taken_sealed
from app.uploads.models import Upload, UploadPrint
from app.uploads.taken import Taken

NOTHING = Taken()


async def photo(
    session: AsyncSession, member_id: UUID, *, digest: bytes | None = None, print_: int | None = None, told: Taken = NOTHING
) -> str:
    """Its id. `print_` is how it looks as it is; mirrored and turned it looks like the numbers after it."""
    upload = Upload(
        member_id=member_id, image_key=new_id().hex, thumb_key=new_id().hex, content_type="image/jpeg", width=100, height=100,
        size_bytes=1000, sent_digest=digest,
    )
    taken_sealed.keep(session, upload, told)
    session.add(upload)
    await session.flush()
    for form in range(8) if print_ is not None else ():
        session.add(UploadPrint(upload_id=upload.id, form=form, hash=BitString.from_int(turned(print_, form), prints.BITS)))
    await session.flush()
    return str(upload.id)


def turned(print_: int, form: int) -> int:
    """Stands for the print of another form: far from that of each other form, and the same for the same picture."""
    mask = sum(0xFFFF << place * 16 for place in range(16) if place & form) if form else 0
    return print_ ^ mask ^ (0x0F0F << 8 * form if form else 0)
