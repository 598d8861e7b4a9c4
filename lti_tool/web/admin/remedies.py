"""What each refusal means and what to do: config/refusals.toml, shown in the docs too."""

import re
import tomllib
from functools import cache

from markupsafe import Markup, escape

from lti_tool.lti.refusal import Case, Code
from lti_tool.settings import ROOT

FILE = ROOT / "config" / "refusals.toml"
#: Cases in which somebody has to change something; in the others the person tries again.
_SETTINGS = (Case.UNKNOWN, Case.WAITING, Case.PORTAL, Case.OURS, Case.COOKIES)
_CASES = {code.slug: code.case for code in Code}


@cache
def _known() -> dict[str, dict[str, str]]:
    entries = tomllib.loads(FILE.read_text(encoding="utf-8"))["refusal"]
    return {code: entry for entry in entries for code in entry["codes"]}


def remedy_of(code: str, language: str) -> tuple[str, str]:
    """Return cause and remedy in German or English; empty for a code of an older version."""
    entry = _known().get(code, {})
    return entry.get(f"cause_{language}", ""), entry.get(f"remedy_{language}", "")


def needs_admin(code: str) -> bool:
    """Return whether somebody has to change a setting because of such a refusal."""
    return _CASES.get(code) in _SETTINGS


def with_code(text: str) -> Markup:
    """Return a text for a page, what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704
