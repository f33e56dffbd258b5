"""Every change of the lists, split by use case."""

from app.publicity.service.erasure import forget, sweep
from app.publicity.service.objecting import adopt, answer, receive
from app.publicity.service.publishing import open_list, publish
from app.publicity.service.shortlisting import decide, make_shortlist

__all__ = ["adopt", "answer", "decide", "forget", "make_shortlist", "open_list", "publish", "receive", "sweep"]
