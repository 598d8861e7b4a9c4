"""JSON as raw slices: cut containers into their elements without re-serialising a byte.

`elements` and `fields` are quick where the whole is well formed. Where it is not, and for whoever
must see a name that comes twice, `spans` and `members` cut by hand. No recursion there: a statement
nested a thousand deep costs nothing but its own bytes.
"""

import re
from collections.abc import Mapping

import msgspec
import orjson

from xapi_bridge.errors import MalformedPage

#: A part of JSON as it was written.
Slice = msgspec.Raw

_LIST = msgspec.json.Decoder(list[Slice])
_OBJECT = msgspec.json.Decoder(dict[str, Slice])
_JOINED = msgspec.json.Encoder()

# Possessive, and a quote that is never closed is a token of its own: else a few KB of escaped
# quotes are tried from every one of them, in time that grows with the square of their number.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[][{},"]', re.DOTALL)
_NAME = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"(\s*+:)?', re.DOTALL)
# A colon that is not at once behind a name, or is written in another way.
_HIDDEN = (b" :", b"\t:", b"\n:", b"\r:", rb"\u003a", rb"\u003A")
_KEY = re.compile(rb'\s*+("[^"\\]*+(?:\\.[^"\\]*+)*+")\s*+:\s*+', re.DOTALL)


def elements(raw: bytes | Slice) -> list[bytes]:
    """Return the raw elements of a JSON array, in order.

    :raises MalformedPage: it is no array, or so broken that its elements cannot be told apart.
    """
    try:
        return [bytes(element) for element in _LIST.decode(raw)]
    except (msgspec.DecodeError, RecursionError):
        whole = bytes(raw)
        return [whole[start:end] for start, end in spans(whole, b"[")]


def fields(raw: bytes | Slice) -> dict[str, Slice]:
    """Return the raw value of each member of a JSON object; of a name that comes twice, the last.

    :raises MalformedPage: it is no object, or so broken that its members cannot be told apart.
    """
    try:
        return _OBJECT.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return {name: Slice(value) for name, value in members(bytes(raw))}


def valid_fields(raw: bytes) -> dict[str, Slice]:
    """Return what `fields` does, of what is an object and in which every bracket is closed.

    :raises ValueError: it is not.
    :raises RecursionError: it is nested too deeply to tell.
    """
    return _OBJECT.decode(raw)


def members(raw: bytes) -> list[tuple[str, bytes]]:
    """Return key and raw value of each member of a JSON object, in order."""
    found = []
    for start, end in spans(raw, b"{"):
        key = _KEY.match(raw, start, end)
        if key is None:
            raise MalformedPage("A JSON object has a member without a name.")
        found.append((str(orjson.loads(key.group(1))), raw[key.end() : end].rstrip()))
    return found


def joined(of: Mapping[str, Slice]) -> bytes:
    """Return the JSON object with these members; their bytes stay as they are."""
    return _JOINED.encode(of)


def spans(raw: bytes, opening: bytes) -> list[tuple[int, int]]:
    """Return (start, end) of each element of the container that `raw` is; no recursion."""
    found: list[tuple[int, int]] = []
    depth = begin = 0
    for token in _TOKEN.finditer(raw):
        sign = raw[token.start()]
        if sign == 0x22:  # a string
            if token.end() - token.start() == 1:
                break
            continue
        if sign in b"[{":
            if depth == 0:
                if raw[: token.end()].strip() != opening:
                    break
                begin = token.end()
            depth += 1
        elif sign in b"]}":
            depth -= 1
            if depth == 0:
                if raw[begin : token.start()].strip():
                    found.append((begin, token.start()))
                return found
        elif depth == 1:
            found.append((begin, token.start()))
            begin = token.end()
    raise MalformedPage("The answer is not the JSON it should be.")


def repeats_a_name(raw: bytes, found: object) -> bool:
    """Return whether valid JSON has an object with the same name twice; `found` is it, parsed.

    Parsed, a name is there once. So there are fewer names then than were written.

    :raises TypeError: it is nested deeper than can be written again.
    """
    again = orjson.dumps(found)
    if any(colon in raw for colon in _HIDDEN):
        return _names(raw) != _names(again)
    # A quote before a colon is the end of a name, or else the beginning of a text: and that is the
    # same in both, or lost together with its name.
    return _without_escapes(raw).count(b'":') != _without_escapes(again).count(b'":')


def _without_escapes(raw: bytes) -> bytes:
    """Return JSON in which every quote begins or ends a text."""
    return raw.replace(rb"\\", b"x").replace(rb"\"", b"x")


def _names(raw: bytes) -> int:
    return sum(map(bool, _NAME.findall(raw)))
