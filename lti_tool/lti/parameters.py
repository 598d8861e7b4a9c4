"""Request parameters of login and launch, read strictly and without changing a byte.

Values are kept as Latin-1 text, one character per byte, because opaque hints must travel back to
the platform unaltered whatever their encoding (reference/lti.md rule 3); `text` decodes UTF-8.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from lti_tool.lti.refusal import Code, Refused

MAX_FIELDS = 100


@dataclass(frozen=True, slots=True)
class Parameters:
    """Each name with all its values as they came."""

    values: Mapping[str, tuple[str, ...]]

    def raw(self, name: str) -> bytes | None:
        """Return the bytes of a parameter, or None if it is absent.

        :raises Refused: it came more than once; which one counts would be a guess.
        """
        found = self.values.get(name, ())
        if len(found) > 1:
            raise Refused(Code.PARAMETER_TWICE)
        return found[0].encode("latin-1") if found else None

    def text(self, name: str, *, longest: int = 2048) -> str:
        """Return a parameter as text, "" if absent.

        :raises Refused: twice, not UTF-8, too long, or with control characters.
        """
        raw = self.raw(name) or b""
        try:
            value = raw.decode()
        except UnicodeDecodeError:
            raise Refused(Code.PARAMETER_MALFORMED) from None
        if len(value) > longest or not value.isprintable():
            raise Refused(Code.PARAMETER_MALFORMED)
        return value


def read(encoded: bytes) -> Parameters:
    """Return the parameters of a query string or form body.

    :raises Refused: too many fields.
    """
    pairs = encoded.split(b"&")
    if len(pairs) > MAX_FIELDS:
        raise Refused(Code.FORM)
    values: dict[str, tuple[str, ...]] = {}
    for pair in filter(None, pairs):
        quoted, _, value = pair.partition(b"=")
        name = _unquoted(quoted)
        values[name] = (*values.get(name, ()), _unquoted(value))
    return Parameters(values)


def _unquoted(quoted: bytes) -> str:
    # Most of a form is a token of several KB with nothing to unquote; looking is quick.
    if b"%" in quoted or b"+" in quoted:
        quoted = unquote_to_bytes(quoted.replace(b"+", b" "))
    return quoted.decode("latin-1")
