"""A plain PyLTI1p3 2.0.0 Flask tool, as its README shows, with its key cache on.

Its launch data and the platform's key set lie in a dict of the process: what flask-caching's
SimpleCache does, without its pickling, so the peer is not slower than what its README recommends.
The registration comes from the environment as JSON (`BENCH_REGISTRATION`).
"""

import json
import os
import time
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from flask.typing import ResponseReturnValue

REGISTRATION = "BENCH_REGISTRATION"


class Cache:
    """What FlaskCacheDataStorage asks of flask-caching."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Any, float]] = {}

    def get(self, key: str) -> Any:
        value, until = self._kept.get(key, (None, 0.0))
        return value if until > time.time() else None

    def set(self, key: str, value: Any, timeout: int | None = None) -> None:
        self._kept[key] = (value, time.time() + (300 if timeout is None else timeout))


def registration(issuer: str, client_id: str, deployment: str) -> dict[str, str]:
    """Return the environment that registers a platform with this tool."""
    platform = {
        "default": True,
        "client_id": client_id,
        "auth_login_url": f"{issuer}/auth",
        "auth_token_url": f"{issuer}/token",
        "key_set_url": f"{issuer}/jwks",
        "deployment_ids": [deployment],
    }
    return {REGISTRATION: json.dumps({issuer: [platform]})}


def pylti() -> Flask:
    """Return the tool; /healthz only says that it is up."""
    from pylti1p3.contrib.flask import (
        FlaskCacheDataStorage,
        FlaskMessageLaunch,
        FlaskOIDCLogin,
        FlaskRequest,
    )

    app, config, cache = Flask("pylti"), _config(), Cache()
    app.secret_key = "bench"

    def login() -> ResponseReturnValue:
        request = FlaskRequest()
        storage = FlaskCacheDataStorage(cache)
        begun = FlaskOIDCLogin(request, config, launch_data_storage=storage)
        answer: ResponseReturnValue = begun.redirect(request.get_param("target_link_uri"))
        return answer

    def launch() -> ResponseReturnValue:
        storage = FlaskCacheDataStorage(cache)
        message = FlaskMessageLaunch(FlaskRequest(), config, launch_data_storage=storage)
        message.set_public_key_caching(storage, cache_lifetime=7200)
        return f"Hello, {message.get_launch_data().get('name')}: {message.get_launch_id()}"

    app.add_url_rule("/lti/login", "login", login, methods=["GET", "POST"])
    app.add_url_rule("/lti/launch", "launch", launch, methods=["POST"])
    app.add_url_rule("/healthz", "healthz", lambda: "")
    return app


def _config() -> Any:
    from pylti1p3.tool_config import ToolConfDict

    known = json.loads(os.environ[REGISTRATION])
    config = ToolConfDict(known)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    for issuer, (platform,) in known.items():
        config.set_private_key(issuer, private, client_id=platform["client_id"])
    return config
