"""The kinds of body that an endpoint reads."""

from typing import Literal

from starlette.requests import Request

from app.errors import UnsupportedMediaType

Expected = Literal["json", "multipart"]
WANTED = {"multipart": "请以 multipart/form-data 上传文件", "json": "请以 UTF-8 编码的 application/json 提交"}
UTF8 = {"utf-8", "utf8", '"utf-8"'}


def check_content_type(request: Request, *, expects: Expected | str) -> None:
    """Raises UnsupportedMediaType unless the body is what the endpoint reads: JSON in UTF-8 or a multipart form, and not compressed."""
    values = request.headers.getlist("content-type")
    media, _, parameters = (values[0] if len(values) == 1 else "").partition(";")
    media = media.strip().lower()
    right = media == "multipart/form-data" if expects == "multipart" else media == "application/json" or _is_json_suffix(media)
    charset = next((part.partition("=")[2].strip().lower() for part in parameters.split(";") if "charset" in part.lower()), "utf-8")
    encoded = request.headers.get("content-encoding", "identity").strip().lower()
    if not right or charset not in UTF8 or encoded != "identity":
        raise UnsupportedMediaType(WANTED["multipart" if expects == "multipart" else "json"])


def _is_json_suffix(media: str) -> bool:
    return media.startswith("application/") and media.endswith("+json")
