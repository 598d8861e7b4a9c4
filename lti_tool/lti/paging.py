"""Pages of a platform's list, by `Link: <…>; rel="next"`: same origin only, each page once.

Moodle's line items give a header that no parser reads (typographic quotes) only where a limit is
asked for; we ask for none. Source: RFC 8288, reference/lti.md R02, G15.
"""

import re
from collections.abc import Callable, Iterator

from lti_tool.lti.addresses import origin, parse
from lti_tool.lti.outbound import Answer

_NEXT = re.compile(r'<([^<>]*)>\s*((?:;\s*[\w-]+\s*=\s*(?:"[^"]*"|[^",;]*)\s*)*)')


def pages(url: str, get: Callable[[str], Answer], most: int) -> Iterator[Answer]:
    """Yield the answers of at most `most` pages; the token never follows to another host."""
    seen = {url}
    for _ in range(most):
        answer = get(url)
        yield answer
        found = next_page(answer.headers.get("link", ""))
        if not found or found in seen or origin(found) != origin(url):
            return
        seen.add(found)
        url = found


def next_page(header: str) -> str:
    """Return the address of the next page as it was written, "" if there is none."""
    for url, parameters in _NEXT.findall(header):
        relations = re.findall(r';\s*rel\s*=\s*"?([^";,]*)"?', parameters, re.IGNORECASE)
        if any("next" in words.lower().split() for words in relations) and parse(url):
            return str(url)
    return ""
