"""A person with a browser between an ILIAS (tests.doubles.ilias) and the tool, over HTTP.

Cookies are kept per host, as a browser does; what ILIAS sends as a form comes as JSON.
"""

import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from lti_tool.store import platforms
from tests.doubles.ilias import Ilias, Object, Provider, User

from .conftest import Tool
from .platform import Browser, Reply


@dataclass
class Walk:
    """One person's browser."""

    ilias: Ilias
    tool: Tool
    base: str = ""  # under which name ILIAS is opened
    browsers: dict[str, Browser] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.base = self.base or self.ilias.base

    def browser(self, url: str) -> Browser:
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        return self.browsers.setdefault(origin, Browser(origin))

    def get(self, url: str) -> Reply:
        return self.browser(url).get(url)

    def open(self, where: Object, user: User, page: str = "launch") -> dict[str, Any]:
        """Open an object's page (or the one that places content): the login's form."""
        found = self.get(f"{self.base}/{page}/{where.ref_id}?u={user.id}")
        return dict(json.loads(found.body))

    def login(self, form: dict[str, Any]) -> Reply:
        return self.browser(form["action"]).post(form["action"], form["fields"])

    def authorize(self, begun: Reply) -> Reply:
        """Follow the tool's redirect to ILIAS, and ILIAS's own to `goto.php`."""
        assert begun.status == 302, (begun.status, begun.code)
        asked = self.get(begun.header("Location"))
        if asked.status != 302:
            return asked
        at = "{0.scheme}://{0.netloc}".format(urlsplit(begun.header("Location")))
        return self.get(at + asked.header("Location"))

    def answer(self, authorized: Reply) -> Reply:
        """Post what ILIAS's form holds to where it goes."""
        form = json.loads(authorized.body)
        return self.browser(form["action"]).post(form["action"], form["fields"])

    def launch(self, where: Object, user: User, page: str = "launch") -> Reply:
        return self.answer(self.authorize(self.login(self.open(where, user, page))))


def provider_for(ilias: Ilias, tool: Tool, **changes: Any) -> Provider:
    """Set the tool up as an administrator does by hand, and register ILIAS at the tool."""
    base, number = tool.base_url, len(ilias.providers) + 17
    values: dict[str, Any] = {
        "id": number,
        "client_id": secrets.token_hex(8)[:15],
        "url": f"{base}/lti/launch",
        "initiate_login": f"{base}/lti/login",
        "redirect_uris": [f"{base}/lti/launch"],
        "public_keyset": f"{base}/lti/jwks",
        "content_item_url": f"{base}/lti/launch",
    }
    made: Provider = ilias.add(Provider(**values | changes))
    at = f"{ilias.base}{ilias.generation.prefix}"
    with tool.database.begin() as conn:
        platforms.add(
            conn,
            tenant_id=tool.tenant.id,
            kind="ilias",
            issuer=ilias.base,
            client_id=made.client_id,
            deployment_ids=[str(made.id)],
            auth_url=f"{at}/ltiauth.php",
            token_url=f"{at}/ltitoken.php",
            jwks_url=f"{at}/lticerts.php",
            now=datetime.now(UTC),
        )
    return made
