"""What a photo told of when and where it was taken, kept in its row under seal."""

import json
from datetime import datetime

from app.db.session import AsyncSession
from app.security import sealing
from app.uploads.models import Upload
from app.uploads.taken import Taken


def keep(session: AsyncSession, upload: Upload, told: Taken) -> None:
    """Seals it into the row; a photo that tells nothing keeps nothing."""
    if told == Taken():
        return
    text = json.dumps([told.at and told.at.isoformat(), told.place])
    upload.taken_sealed = sealing.seal(session, text, table="upload", column="taken", row=upload.id)


def of(session: AsyncSession, upload: Upload) -> Taken:
    """What a photo told when it came in, as long as that is kept."""
    if upload.taken_sealed is None:
        return Taken()
    at, point = json.loads(sealing.unseal(session, upload.taken_sealed, table="upload", column="taken", row=upload.id))
    return Taken(at and datetime.fromisoformat(at), point and (point[0], point[1]))
