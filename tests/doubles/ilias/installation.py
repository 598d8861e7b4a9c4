"""What a request is about: the installation, its name in this request, and a tool's key set."""

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from flask import current_app, request

from tests.doubles.ilias import keys
from tests.doubles.ilias.world import Ilias, Provider


def here() -> Ilias:
    found: Ilias = current_app.extensions["ilias"]
    return found


def base() -> str:
    """Return the platform id: ILIAS computes it from the host name of the request."""
    return request.host_url.rstrip("/")


def host() -> str:
    return here().host_name or urlsplit(base()).hostname or ""


def keyset(provider: Provider) -> Any:
    """Return the tool's key set: fetched on every call, without proxy settings or cache."""
    if here().blocks_keysets or provider.key_type != "JWK_KEYSET":
        raise keys.Broken("no key set")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(provider.public_keyset, timeout=5) as answer:
            return json.load(answer)
    except (urllib.error.URLError, ValueError):
        raise keys.Broken("no key set") from None
