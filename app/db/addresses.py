"""The database's address: one server, or a primary and its standbys (`postgresql://user@h1:5432,h2:5432/xinxin`)."""

from urllib.parse import urlsplit, urlunsplit

import sqlalchemy as sa

ATTRIBUTES = "target_session_attrs"


def plain(url: str) -> str:
    """As asyncpg takes it. Of several servers, a connection is to the one that takes writes, whichever that is when it is opened."""
    if "," not in urlsplit(url).netloc or ATTRIBUTES in url:
        return url
    return f"{url}{'&' if urlsplit(url).query else '?'}{ATTRIBUTES}=read-write"


def engine_url(url: str, driver: str = "postgresql+asyncpg") -> sa.URL:
    """As SQLAlchemy takes it, which wants several servers one by one, each with its port."""
    parts = urlsplit(plain(url))
    who, _, servers = parts.netloc.rpartition("@")
    if "," not in servers:
        return sa.make_url(url).set(drivername=driver)
    bare = sa.make_url(urlunsplit(parts._replace(netloc=f"{who}@" if who else "")))
    hosts = [server if server.rpartition("]")[2].count(":") else f"{server}:5432" for server in servers.split(",")]
    return bare.set(drivername=driver).update_query_pairs([("host", host) for host in hosts])
