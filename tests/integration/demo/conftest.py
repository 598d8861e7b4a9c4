"""A demo LMS on a fresh folder, a tool that publishes a key, an LRS that remembers or is down."""

import json
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask, Response, jsonify, request
from flask.testing import FlaskClient
from jwt.algorithms import RSAAlgorithm
from werkzeug.serving import BaseWSGIServer, make_server

from demo import Config, configure, create_app
from demo.lms import Lms
from tests.integration.demo.visits import ask_token

BASE = "http://localhost:8090"


class Peer:
    """The other side, over real HTTP: the tool's key set and an LRS with its own store."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.lrs_status = 200
        self.batches: list[list[dict[str, Any]]] = []
        self.answers: dict[str, Any] = {"statements": []}
        self.senders: list[str | None] = []
        app = Flask("peer")
        app.add_url_rule("/lti/jwks", view_func=self._jwks)
        app.add_url_rule("/xapi/statements", view_func=self._take, methods=["POST"])
        app.add_url_rule("/xapi/statements", view_func=self._give, methods=["GET"], endpoint="g")
        self._server: BaseWSGIServer = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reset(self) -> None:
        self.lrs_status, self.batches, self.senders = 200, [], []
        self.answers = {"statements": []}

    def statements(self) -> list[dict[str, Any]]:
        return [statement for batch in self.batches for statement in batch]

    def _jwks(self) -> Response:
        public = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        return jsonify(keys=[public | {"kid": "tool-1", "alg": "RS256", "use": "sig"}])

    def _take(self) -> Response:
        if self.lrs_status != 200:
            return Response("", self.lrs_status)
        body = request.get_json()
        if any("marked-bad" in str(s) for s in body):
            return Response("", 400)
        self.batches.append(body)
        self.senders.append(request.authorization.username if request.authorization else None)
        return jsonify([str(uuid.uuid4()) for _ in body])

    def _give(self) -> Response:
        if self.lrs_status != 200:
            return Response("", self.lrs_status)
        if "statementId" in request.args:
            return jsonify(self.answers.get(request.args["statementId"], {}))
        return jsonify(statements=self.answers["statements"])


@pytest.fixture(scope="session")
def running_peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


@pytest.fixture
def peer(running_peer: Peer) -> Peer:
    running_peer.reset()
    return running_peer


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, running_peer: Peer) -> Path:
    """A data folder after the first start: making keys takes longer than most tests."""
    folder = tmp_path_factory.mktemp("demo")
    create_app(configure(folder, base_url=BASE, tool=running_peer.url))
    return folder


@pytest.fixture
def config(tmp_path: Path, peer: Peer, made: Path) -> Config:
    data = tmp_path / "lms"
    shutil.copytree(made, data)
    return configure(data, base_url=BASE, tool=peer.url, test_mode=True, timeout_s=1.0)


@pytest.fixture
def app(config: Config) -> Flask:
    return create_app(config)


@pytest.fixture
def platform(app: Flask) -> Lms:
    found = app.extensions["demo"]
    assert isinstance(found, Lms)
    return found


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def gardener(browser: FlaskClient) -> FlaskClient:
    browser.post("/login", data={"person": "gardener"})
    return browser


@pytest.fixture
def assertion(config: Config, peer: Peer) -> Callable[..., str]:
    """Make a client assertion; keywords replace claims, None drops one."""

    def make(key: rsa.RSAPrivateKey | None = None, kid: str = "tool-1", **changed: Any) -> str:
        now = int(time.time())
        client = config.secrets.client_id
        claims = {
            "iss": client,
            "sub": client,
            "aud": config.token_url,
            "iat": now,
            "exp": now + 60,
            "jti": str(uuid.uuid4()),
        } | changed
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, key or peer.key, algorithm="RS256", headers={"kid": kid})

    return make


@pytest.fixture
def bearer(browser: FlaskClient, assertion: Callable[..., str]) -> Callable[[str], dict[str, str]]:
    def get(scope: str) -> dict[str, str]:
        answer = ask_token(browser, assertion(), scope)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.get_json()['access_token']}"}

    return get


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    def wait(condition: Callable[[], bool], patience_s: float = 5.0) -> None:
        deadline = time.monotonic() + patience_s
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.01)

    return wait
