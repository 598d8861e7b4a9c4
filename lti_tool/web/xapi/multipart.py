"""multipart/mixed as xAPI uses it: statements first, then the bytes of their attachments.

Bytes in, bytes out; contents stay as they are. Source: RFC 2046 5.1; xAPI 1.0.3 part 3, 1.5.2.
"""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lti_tool.store.xapi_attachments import Attachment
from lti_tool.web.xapi.refusal import Refusal

MOST_PARTS = 500
HASH = "x-experience-api-hash"
_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.I)
_LARGEST_HEAD_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Part:
    headers: Mapping[str, str]  # names in lower case
    content: bytes


def parts(body: bytes, content_type: str) -> list[Part]:
    """Return the parts of a multipart body in their order.

    :raises Refusal: it is not one.
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise Refusal(400, "A multipart body needs its boundary in the Content-Type.")
    delimiter = b"\r\n--" + (found[1] or found[2]).encode()
    pieces = (b"\r\n" + body).split(delimiter, MOST_PARTS + 2)
    if len(pieces) > MOST_PARTS + 2:
        raise Refusal(413, f"Send at most {MOST_PARTS} parts at once.")
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise Refusal(400, "The multipart body has no end, or nothing in it.")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> Part:
    line, _, rest = piece.partition(b"\r\n")
    if line.strip():
        raise Refusal(400, "Behind a boundary there has to be a line end.")
    if rest.startswith(b"\r\n"):
        return Part({}, rest[2:])
    head, gap, content = rest.partition(b"\r\n\r\n")
    if not gap or len(head) > _LARGEST_HEAD_BYTES:
        raise Refusal(400, "A part of the body has no headers.")
    return Part(dict(_headers(head)), content)


def _headers(head: bytes) -> Iterable[tuple[str, str]]:
    for line in head.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon:
            raise Refusal(400, "A header of a part cannot be read.")
        yield name.strip().lower(), value.strip()


def written(body: bytes, attachments: Iterable[Attachment]) -> tuple[bytes, str]:
    """Return the body of an answer with attachments, and its Content-Type."""
    boundary = secrets.token_hex(24)  # in no content, except by a chance of 1 to 2^192
    pieces = [_piece(boundary, {"Content-Type": "application/json"}, body)]
    for file in attachments:
        headers = {
            "Content-Type": file.content_type,
            "Content-Transfer-Encoding": "binary",
            "X-Experience-API-Hash": file.sha2,
        }
        pieces.append(_piece(boundary, headers, file.content))
    end = f"\r\n--{boundary}--\r\n".encode()
    return b"".join([*pieces, end]), f"multipart/mixed; boundary={boundary}"


def _piece(boundary: str, headers: Mapping[str, str], content: bytes) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"\r\n--{boundary}\r\n{lines}\r\n".encode() + content


def as_header(text: str) -> str:
    """Return what of a text may be in a header: whoever wrote it cannot begin a line of ours."""
    return "".join(c for c in text if c.isprintable() and c.isascii()) or "application/octet-stream"
