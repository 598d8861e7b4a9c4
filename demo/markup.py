"""Show HTML that came over a web service: a few harmless tags stay, everything else is text."""

from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit

from markupsafe import Markup

KEPT = {"p", "br", "ul", "ol", "li", "strong", "em", "b", "i", "h3", "h4", "h5"}
EMPTY = {"br"}
SILENCED = {"script", "style"}


def clean(html: str) -> Markup:
    """Return the text with only harmless tags; links only to http and https addresses."""
    cleaner = _Cleaner()
    cleaner.feed(html)
    cleaner.close()
    return Markup(cleaner.text())  # noqa: S704 - made of escaped text and tags of our own list


class _Cleaner(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._open: list[str] = []
        self._silence = 0

    def text(self) -> str:
        return "".join(self._parts + [f"</{tag}>" for tag in reversed(self._open)])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SILENCED:
            self._silence += 1
        elif tag == "a" and (address := _address(dict(attrs).get("href"))):
            self._push("a", f'<a href="{escape(address)}">')
        elif tag in EMPTY:
            self._parts.append(f"<{tag}>")
        elif tag in KEPT:
            self._push(tag, f"<{tag}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENCED:
            self._silence = max(0, self._silence - 1)
        while tag in self._open:
            closed = self._open.pop()
            self._parts.append(f"</{closed}>")
            if closed == tag:
                break

    def handle_data(self, data: str) -> None:
        if not self._silence:
            self._parts.append(escape(data))

    def _push(self, tag: str, text: str) -> None:
        self._open.append(tag)
        self._parts.append(text)


def _address(href: str | None) -> str | None:
    # A control character in a scheme is the classical way past a filter.
    plain = "".join(c for c in href or "" if c.isprintable())
    return plain if urlsplit(plain).scheme in ("http", "https") else None
