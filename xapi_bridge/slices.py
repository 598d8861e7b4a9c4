"""JSON as raw slices: cut containers into their elements without re-serialising a byte.

No recursion: a statement nested a thousand deep costs nothing but its own bytes.
"""

import re

import orjson

from xapi_bridge.errors import MalformedPage

# Possessive, and a quote that is never closed is a token of its own: else a few KB of escaped
# quotes are tried from every one of them, in time that grows with the square of their number.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[][{},"]', re.DOTALL)
_KEY = re.compile(rb'\s*+("[^"\\]*+(?:\\.[^"\\]*+)*+")\s*+:\s*+', re.DOTALL)


def members(raw: bytes) -> list[tuple[str, bytes]]:
    """Return key and raw value of each member of a JSON object, in order."""
    found = []
    for start, end in spans(raw, b"{"):
        key = _KEY.match(raw, start, end)
        if key is None:
            raise MalformedPage("A JSON object has a member without a name.")
        found.append((str(orjson.loads(key.group(1))), raw[key.end() : end].rstrip()))
    return found


def joined(pairs: list[tuple[str, bytes]]) -> bytes:
    """Return the JSON object with these members; their bytes stay as they are."""
    return b"{" + b",".join(orjson.dumps(key) + b":" + value for key, value in pairs) + b"}"


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
