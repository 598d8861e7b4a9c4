"""What was asked, however it was asked: as HTTP says it, or wrapped into a POST.

The alternate request syntax of xAPI 1.0.x puts method, parameters, some headers and the content
into a form, for browsers that cannot send anything else. Whatever reads an `Asked` need not know.
Bodies may be gzipped. Source: xAPI 1.0.3 communication 1.3; 2.0 has no such syntax.
"""

import base64
import binascii
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from lti_tool.web.xapi.refusal import Refusal

LARGEST_BODY_BYTES = 16 << 20
VERSION = "X-Experience-API-Version"
_METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")
_AS_FORM = (
    "Authorization",
    VERSION,
    "Content-Type",
    "Content-Length",
    "If-Match",
    "If-None-Match",
)
_MOST_FIELDS = 100


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    args: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")

    @property
    def mimetype(self) -> str:
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def credentials(self) -> tuple[str, str] | None:
        """Key and secret of Basic authentication; None if there are none that could be read."""
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            key, colon, secret = base64.b64decode(value.strip(), validate=True).partition(b":")
            return (key.decode(), secret.decode()) if colon else None
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return None


def read(request: Request) -> Asked:
    """Return what is asked.

    :raises Refusal: parameters twice, a body too large or not what it says it is.
    """
    headers = {name.lower(): value for name, value in request.headers.items()}
    args = _once(request.args.items(multi=True))
    if "method" in args and not headers.get(VERSION.lower(), "").startswith("2"):
        return _unwrapped(request, args, headers)
    return Asked(request.method, args, headers, _body(request))


def _unwrapped(request: Request, args: Mapping[str, str], headers: Mapping[str, str]) -> Asked:
    if request.method != "POST" or len(args) > 1 or args["method"] not in _METHODS:
        raise Refusal(400, "With ?method=… a request is a POST, and all else is in its form.")
    form = dict(_form(_body(request)))
    content = form.pop("content", "")
    lifted = {name.lower(): form.pop(name) for name in _AS_FORM if name in form}
    # The header said what the form is; the content is JSON unless the form says otherwise.
    headers = {**headers, "content-type": "application/json", **lifted}
    return Asked(args["method"], form, headers, content.encode())


def _form(body: bytes) -> Mapping[str, str]:
    try:
        fields = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise Refusal(400, "The form cannot be read.") from None
    return _once(fields)


def _once(fields: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name, value in fields:
        if name in found:
            raise Refusal(400, f"The parameter {name[:40]!r} comes twice.")
        found[name] = value
    return found


def _body(request: Request) -> bytes:
    request.max_content_length = LARGEST_BODY_BYTES
    try:
        raw = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise Refusal(413, "Send at most 16 MiB at once.") from None
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return raw
    if encoding not in ("gzip", "x-gzip"):
        raise Refusal(415, "A body may be gzipped, or not be compressed at all.")
    return _unzipped(raw)


def _unzipped(raw: bytes) -> bytes:
    unzip = zlib.decompressobj(wbits=31)
    try:
        found = unzip.decompress(raw, LARGEST_BODY_BYTES)
    except zlib.error:
        raise Refusal(400, "The body is not gzip, but says so.") from None
    if unzip.unconsumed_tail:
        raise Refusal(413, "Send at most 16 MiB at once.")
    if not unzip.eof:
        raise Refusal(400, "The gzipped body ends too early.")
    return found
