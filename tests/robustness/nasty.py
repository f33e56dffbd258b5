"""The dictionary of nasty values, and how a request for any documented operation is put together from its own examples."""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

RAW = "raw:"  # a value that is not what json.dumps would write: its text follows
LONG = "长" * 330_000  # as much of a megabyte as a body may bring

# Everything that a field may be given instead of what it asks for.
VALUES: dict[str, Any] = {
    "null": None, "true": True, "empty": "", "blank": "  \u3000 ", "nul": "a\x00b", "controls": "a\x1b[2J\x7f\u202e",
    "surrogate": RAW + '"\\ud800"',
    "surrogate pair broken": RAW + '"\\udc00\\ud800x"', "not a number": RAW + "NaN", "infinity": RAW + "-Infinity", "1e999": RAW + "1e999",
    "-1": -1, "2^31": 2**31, "-2^31": -(2**31) - 1, "2^63": 2**63, "-2^63": -(2**63), "fraction": 0.1,
    "4,300 digits": RAW + "9" * 4_300, "5,000 digits": RAW + "9" * 5_000,  # from 4,301 on Python itself refuses to read them
    "many decimals": RAW + "0." + "3" * 400,
    "-0.0": RAW + "-0.0", "megabyte": "long", "nested": RAW + "[" * 5_000 + "]" * 5_000,
    "objects": RAW + '{"a":' * 5_000 + "1" + "}" * 5_000,
    "many items": RAW + "[" + "0," * 99_999 + "0]", "object": {"$ne": None}, "list": [[], {}],
    "latitude 91": {"lng": 116.78, "lat": 91, "crs": "gcj02", "accuracy_m": 20},
    "nowhere": RAW + '{"lng": NaN, "lat": 1e999, "crs": "gcj02", "accuracy_m": -1e999}',
    "year 1": "0001-01-01T00:00:00Z", "year 9999": "9999-12-31T23:59:59-14:00", "leap second": "2026-12-31T23:59:60Z",
    "day 0": "2026-00-00", "zero id": "0" * 32, "urn": "urn:uuid:01933c5e-7a00-7000-8000-000000000001", "digits": "１２３",
    "lines": "a\r\nX-Evil: 1",
    "text": "'; drop table report; -- {{7*7}}${jndi:ldap://x} ../../etc/passwd 👩‍👩‍👧‍👦 e" + "\u0301" * 60 + " <script>",
}
# Ordinary text to a field of text, so only what names a day, an id or a number is given these alone.
BULKY = {"megabyte", "many items"}  # a body that had them in all its fields would be refused before anybody looked at one
NOT_FOR_TEXT = {"year 1", "year 9999", "leap second", "day 0", "zero id", "urn", "digits"}

# Whole bodies, with the header that goes with them.
JSON = "application/json"
BODIES: dict[str, tuple[bytes, dict[str, str]]] = {
    "no body": (b"", {"content-type": JSON}),
    "no content type": (b"{}", {}),
    "form": (b"a=1", {"content-type": "application/x-www-form-urlencoded"}),
    "text": (b"{}", {"content-type": "text/plain"}),
    "two content types": (b"{}", {"content-type": "application/json, text/plain"}),
    "latin-1": (b"{}", {"content-type": "application/json; charset=latin-1"}),
    "utf-16": ("{}".encode("utf-16"), {"content-type": JSON}),
    "gzip": (b"\x1f\x8b\x08\x00", {"content-type": JSON, "content-encoding": "gzip"}),
    "byte order mark": (b"\xef\xbb\xbf{}", {"content-type": JSON}),
    "not utf-8": (b'{"a": "\xff\xfe"}', {"content-type": JSON}),
    "not json": (b"{", {"content-type": JSON}),
    "comment": (b"{} // x", {"content-type": JSON}),
    "array": (b"[]", {"content-type": JSON}),
    "number": (b"1e999", {"content-type": JSON}),
    "null": (b"null", {"content-type": JSON}),
    "text as json": (b'"\\ud800"', {"content-type": JSON}),
    "nested": (b"[" * 5_000 + b"]" * 5_000, {"content-type": JSON}),
    "nested objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, {"content-type": JSON}),
    "unknown field": (b'{"nobody_knows_this": 1, "__proto__": {}, "\\ud800": 1}', {"content-type": JSON}),
    "repeated keys": (b'{"a": 1, "a": 2}', {"content-type": JSON}),
    "chunked": (b"{}", {"content-type": JSON, "transfer-encoding": "chunked"}),
    "over a megabyte": (b'{"a": "' + b"x" * 1_048_576 + b'"}', {"content-type": JSON}),
    "multipart": (b"--x\r\n\r\n--x--", {"content-type": "multipart/form-data; boundary=x"}),
}

# What query and path parameters may be given, percent-encoded as a client would send it.
TEXTS = (
    "", "%00", "%ED%A0%80", "%FF%FE", "NaN", "1e999", "-1", "0", "91", "2147483648", "9223372036854775808", "9" * 4_300,
    "9" * 5_000, "null", "0001-01-01",
    "9999-12-31", "2026-13", "0000-00", "9999-12", "%F0%9F%91%A9", "a%0D%0AX-Evil:1", "'%20or%201=1--",
    "01933c5e-7a00-7000-8000-000000000001", "AAAA", "x" * 3_000, "-181",
)
OF_IDS = ("%00", "%ED%A0%80", "9" * 4_300, "..%2F..%2Fetc", "'%20or%201=1--", "x" * 3_000)  # where an id stands in a path
BODILESS = ("no content type", "not json", "nested objects", "unknown field", "over a megabyte")  # where no body is read


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    body: dict[str, Any] | None
    takes_json: bool
    query: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    """Every documented operation, with the first example of its body and of its required query parameters."""
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            query = {
                one["name"]: example(one, document) for one in described.get("parameters", []) if one["in"] == "query"
            }
            content = described.get("requestBody", {}).get("content", {})
            body = _body(content.get(JSON, {}).get("schema", {}), document) if JSON in content else None
            yield Operation(method.upper(), path, body, JSON in content, query)


def example(parameter: dict[str, Any], document: dict[str, Any]) -> Any:
    """The example of a required parameter; None for one that may be left out."""
    if not parameter.get("required"):
        return None
    return (parameter.get("schema", {}).get("examples") or [parameter.get("example", "1")])[0]


def _body(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """The fields of a body: the model's example, and the fields that the example leaves out, as null."""
    for choice in (schema, *schema.get("anyOf", [])):
        if "$ref" in choice:
            model = document["components"]["schemas"][choice["$ref"].rpartition("/")[2]]
            shown = (model.get("examples") or [{}])[0]
            fields: dict[str, Any] = dict.fromkeys(model.get("properties", {}))
            return fields | dict(deepcopy(shown))
    return {}


def with_ids(value: Any, known: dict[str, str], name: str = "") -> Any:
    """The same with the ids of things that exist, by the name of the field."""
    if isinstance(value, dict):
        return {key: with_ids(item, known, key) for key, item in value.items()}
    if isinstance(value, list):
        return [with_ids(item, known, name) for item in value]
    return known.get(name, value) if isinstance(value, str) else value


def written(body: Any) -> bytes:
    """JSON with the raw values in it."""
    raws: dict[str, str] = {}

    def marked(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: marked(item) for key, item in value.items()}
        if isinstance(value, list):
            return [marked(item) for item in value]
        if value == "long":
            return LONG
        if isinstance(value, str) and value.startswith(RAW):
            mark = uuid4().hex
            raws[f'"{mark}"'] = value.removeprefix(RAW)
            return mark
        return value

    text = json.dumps(marked(body), ensure_ascii=False)
    for mark, raw in raws.items():
        text = text.replace(mark, raw)
    return text.encode()
