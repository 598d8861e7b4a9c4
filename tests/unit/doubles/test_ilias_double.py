"""The ILIAS double does what reference/ilias.md (section 9) reads out of ILIAS's source.

Without the tool: a small key server stands in for it.
"""

import json
import secrets
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask.testing import FlaskClient

from tests.doubles.ilias import GENERATIONS, Context, Ilias, Object, Provider, User, create_app
from tests.doubles.ilias.claims import AGS_SCOPES, LTI, NRPS_SCOPE
from tests.doubles.ilias.identity import mail_form
from tests.doubles.ilias.keys import jwk, parts, sign

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"
every = pytest.mark.parametrize("name", GENERATIONS)


class Keys:
    """Serves a tool's key set."""

    def __init__(self) -> None:
        self.fetches = 0
        self.keys = [jwk(KEY, "tool")]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.fetches += 1
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps({"keys": outer.keys}).encode())

            def log_message(self, *_: object) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/jwks"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def keys() -> Iterator[Keys]:
    made = Keys()
    yield made
    made.close()


class Site:
    """One installation with one provider, one object and one person."""

    def __init__(self, name: str, keyset: str = "http://127.0.0.1:1/", **provider: Any) -> None:
        self.ilias = Ilias.of(name, base="http://localhost")
        self.prefix = self.ilias.generation.prefix
        values: dict[str, Any] = {
            "id": 17,
            "client_id": "k3J9xQ2mV7bT1aZ",
            "url": "https://tool.example/start",
            "initiate_login": "https://tool.example/login",
            "redirect_uris": ["https://tool.example/launch"],
            "public_keyset": keyset,
            "grade_sync": True,
        }
        self.provider: Provider = self.ilias.add(Provider(**values | provider))
        self.where: Object = self.ilias.place(self.provider)
        self.user: User = self.ilias.add(User(6, ext="ext-6"))
        self.client: FlaskClient = create_app(self.ilias).test_client()

    def form(self, where: Object | None = None) -> dict[str, Any]:
        ref = (where or self.where).ref_id
        return dict(self.client.get(f"/launch/{ref}?u={self.user.id}").get_json()["fields"])

    def asked(self, form: dict[str, Any], **changes: Any) -> dict[str, Any]:
        request = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": form["client_id"],
            "redirect_uri": self.provider.redirect_uris[0],
            "state": "s",
            "nonce": "n",
            "login_hint": form["login_hint"],
            "lti_message_hint": form["lti_message_hint"],
        }
        return {k: v for k, v in (request | changes).items() if v is not None}

    def authorize(self, request: dict[str, Any]) -> Any:
        at = f"{self.prefix}/ltiauth.php"
        return self.client.get(at, query_string=request, follow_redirects=True)

    def claims(self, where: Object | None = None) -> dict[str, Any]:
        answer = self.authorize(self.asked(self.form(where)))
        assert answer.is_json, answer.headers
        return parts(answer.get_json()["fields"]["id_token"])[1]

    def assertion(self, kid: str = "tool", **changes: Any) -> str:
        claims = {
            "iss": self.provider.client_id,
            "sub": self.provider.client_id,
            "aud": f"http://localhost{self.prefix}/ltitoken.php",
            "exp": int(time.time()) + 60,
            "jti": secrets.token_hex(8),
        }
        return sign(claims | changes, KEY, kid)

    def token(self, scope: str = " ".join(AGS_SCOPES), **changes: Any) -> Any:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "x",
            "client_assertion": self.assertion(),
            "scope": scope,
        }
        return self.client.post(f"{self.prefix}/ltitoken.php", data=form | changes)

    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token().get_json()['access_token']}"}

    def score(self, headers: dict[str, str], **changes: Any) -> int:
        body = {
            "userId": "",
            "scoreGiven": 9,
            "scoreMaximum": 10,
            "activityProgress": "Completed",
            "gradingProgress": "FullyGraded",
            "timestamp": "2026-11-24T09:00:00.123+00:00",
        } | changes
        at = f"{self.prefix}/ltiservices.php/gradeservice/88/lineitems/{self.where.obj_id}/lineitem"
        answer = self.client.post(
            f"{at}/scores", data=json.dumps(body), headers={"Content-Type": SCORE_TYPE} | headers
        )
        return int(answer.status_code)

    @property
    def place(self) -> tuple[int, int]:
        return self.where.obj_id, self.user.id


# --- the authorization request ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, ""),
        ({"state": None}, ""),
        ({"prompt": None}, ""),
        ({"scope": "openid email"}, "invalid_scope"),
        ({"response_type": "code"}, "unsupported_response_type"),
        ({"client_id": "another"}, "unauthorized_client"),
        ({"login_hint": "7"}, "access_denied"),
        ({"redirect_uri": "https://tool.example/launch/"}, "invalid_request"),
        ({"response_mode": None}, "invalid_request"),
        ({"prompt": "login"}, "invalid_request"),
        ({"nonce": ""}, "invalid_request"),
    ],
)
@every
def test_what_ilias_checks_of_an_authorization_request(
    name: str, changes: dict[str, Any], error: str
) -> None:
    site = Site(name)
    answer = site.authorize(site.asked(site.form(), **changes))
    assert answer.headers.get("X-Sim-Error", "") == error
    assert answer.is_json is (not error or name == "12")


@every
def test_a_request_without_a_message_hint_is_a_bare_400(name: str) -> None:
    site = Site(name)
    assert site.authorize(site.asked(site.form(), lti_message_hint=None)).status_code == 400


@every
def test_claims_by_version(name: str) -> None:
    site = Site(name)
    claims = site.claims()
    old, new = name in ("8", "10"), name == "12"
    assert claims["exp"] - claims["iat"] == 60
    assert claims["aud"] == site.provider.client_id
    target = claims[LTI + "target_link_uri"]
    assert target == (site.provider.url if new else site.provider.redirect_uris[0])
    assert ("picture" in claims) is not new
    assert ("width" in claims[LTI + "launch_presentation"]) is old
    assert any("basicoutcome" in claim for claim in claims) is old
    kind = claims[LTI + "context"]["type"]
    course = "http://purl.imsglobal.org/vocab/lis/v2/course#CourseOffering"
    assert kind == ([course] if new else ["CourseOffering"])
    ends = {"8": "/linetitems/", "10": "/linetitems/", "11": "/lineitems/", "12": "/lineitems"}
    endpoint = claims["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"]
    assert endpoint["lineitems"].endswith(ends[name])


@pytest.mark.parametrize(
    ("mode", "ident"),
    [(0, "6@{u}.ilias"), (1, "ext-6@{u}.ilias"), (2, "mgaertner@{u}.ilias"), (3, "{mail}")],
)
def test_idents_by_privacy_mode(mode: int, ident: str) -> None:
    user = User(6, ext="ext-6")
    expected = ident.format(u="abc", mail=user.email)
    assert mail_form(user, mode, "abc", "ilias.stadt.de") == expected


def test_an_ident_with_host_is_cut_at_eighty_and_without_www() -> None:
    made = mail_form(User(6), 6, "abc", "www.ilias.landkreis.example.org")
    assert len(made) == 80
    assert made.endswith("@ilias.landkreis.example.org")


def test_an_ident_is_never_refreshed_and_sub_always_is() -> None:
    site = Site("10", privacy_ident=2)
    before = site.claims()
    site.user.login = "neu"
    after = site.claims()
    assert (before["sub"], after["sub"]) == ("mgaertner", "neu")
    assert before["email"] == after["email"]


@every
def test_a_random_sub_is_new_at_each_launch_before_12(name: str) -> None:
    site = Site(name, privacy_ident=4)
    if name == "8":
        answer = site.authorize(site.asked(site.form()))
        assert answer.headers["X-Sim-Error"] == "access_denied"
        return
    first, second = site.claims(), site.claims()
    assert first["email"] == second["email"]
    assert (first["sub"] == second["sub"]) is (name == "12")


# --- tokens -------------------------------------------------------------------------------------


@every
def test_a_good_assertion_gets_a_token_and_the_key_set_is_fetched_every_time(
    name: str, keys: Keys
) -> None:
    site = Site(name, keys.url)
    answer = site.token()
    assert (answer.status_code, answer.get_json()["expires_in"]) == (200, 3600)
    site.token()
    assert keys.fetches == 2


@every
def test_members_are_a_scope_of_12_only(name: str, keys: Keys) -> None:
    assert Site(name, keys.url).token(NRPS_SCOPE).status_code == (200 if name == "12" else 400)


@every
def test_what_cannot_be_verified_by_version(name: str, keys: Keys) -> None:
    site = Site(name, keys.url)
    status = 500 if name in ("8", "10") else 401
    assert site.token(client_assertion=site.assertion("another")).status_code == status
    keys.keys = [{k: v for k, v in jwk(KEY, "tool").items() if k != "alg"}]
    assert site.token().status_code == status
    keys.keys = [jwk(KEY, "tool")]
    site.ilias.blocks_keysets = True
    assert site.token().status_code == status
    assert site.token(scope="openid").status_code == 400
    assert site.token(client_assertion="").status_code == 400


@every
def test_a_key_as_text_works_from_11(name: str) -> None:
    pem = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    site = Site(name, key_type="RSA_KEY", public_key=pem.decode())
    assert site.token().status_code == (500 if name in ("8", "10") else 200)


@every
def test_an_assertion_is_good_once_in_12(name: str, keys: Keys) -> None:
    site = Site(name, keys.url)
    once = site.assertion()
    found = [site.token(client_assertion=once).status_code for _ in range(2)]
    assert found == [200, 401 if name == "12" else 200]


# --- scores -------------------------------------------------------------------------------------

BOTH, SUB, MAIL = (True, True), (True, False), (False, True)
ACCEPTED = {
    "10": {0: BOTH, 5: BOTH, 3: MAIL, 4: MAIL},
    "11": {0: BOTH, 5: BOTH, 3: BOTH, 4: MAIL},
    "12": {0: SUB, 5: SUB, 3: SUB, 4: SUB},
}


@pytest.mark.parametrize("name", ACCEPTED)
@pytest.mark.parametrize("mode", [0, 3, 4, 5])
def test_under_which_name_a_score_finds_its_person(name: str, mode: int, keys: Keys) -> None:
    site = Site(name, keys.url, privacy_ident=mode)
    claims, headers = site.claims(), site.bearer()
    found = [site.score(headers, userId=claims[key]) for key in ("sub", "email")]
    good = 204 if name == "12" else 200
    assert found == [good if ok else 404 for ok in ACCEPTED[name][mode]]


@every
def test_a_pending_score_after_a_full_one(name: str, keys: Keys) -> None:
    site = Site(name, keys.url)
    sub, headers = site.claims()["sub"], site.bearer()
    site.score(headers, userId=sub)
    assert site.ilias.progress[site.place] == ("COMPLETED", 90)
    pending = {"activityProgress": "InProgress", "gradingProgress": "Pending", "scoreGiven": 5}
    site.score(headers, userId=sub, **pending)
    old = name in ("8", "10")
    assert site.ilias.results[site.place] == (0.0 if old else 0.9)
    assert site.ilias.progress[site.place] == ("IN_PROGRESS", 0 if old else 50)


@every
def test_who_may_post_scores(name: str, keys: Keys) -> None:
    site = Site(name, keys.url)
    sub = site.claims()["sub"]
    anybody = site.score({}, userId=sub)
    assert anybody == (200 if name in ("8", "10") else 401)
    narrow = site.token(AGS_SCOPES[0]).get_json()["access_token"]
    other = site.score({"Authorization": f"Bearer {narrow}"}, userId=sub)
    assert other == (200 if name in ("8", "10") else 403)


@pytest.mark.parametrize(
    "changes",
    [
        {"userId": ""},
        {"timestamp": "yesterday"},
        {"scoreMaximum": None},
        {"gradingProgress": ""},
        {"activityProgress": ""},
    ],
)
@every
def test_bad_scores_are_refused(name: str, changes: dict[str, Any], keys: Keys) -> None:
    site = Site(name, keys.url)
    sub, headers = site.claims()["sub"], site.bearer()
    assert site.score(headers, **({"userId": sub} | changes)) == 400


@every
def test_a_media_type_with_parameters_has_no_handler(name: str, keys: Keys) -> None:
    site = Site(name, keys.url)
    site.claims()
    kind = {"Content-Type": f"{SCORE_TYPE}; charset=utf-8"}
    assert site.score(site.bearer() | kind) == (404 if name == "12" else 400)


@every
def test_line_items_by_version(name: str, keys: Keys) -> None:
    site = Site(name, keys.url)
    root, headers = f"{site.prefix}/ltiservices.php/gradeservice/88", site.bearer()
    tail = site.ilias.generation.lineitems_tail
    named = site.client.get(root + tail, headers=headers).status_code
    right = site.client.get(f"{root}/lineitems", headers=headers).status_code
    found = {"8": (400, 500), "10": (400, 500), "11": (400, 200), "12": (200, 200)}
    assert (named, right) == found[name]


@every
def test_services_without_path_info_fail(name: str) -> None:
    site = Site(name)
    assert site.client.get(f"{site.prefix}/ltiservices.php").status_code == 500


# --- members ------------------------------------------------------------------------------------


def members(site: Site, query: str = "") -> Any:
    at = f"/ltiservices.php/membership/{site.where.context.ref_id}/{site.where.obj_id}"
    headers = {"Authorization": f"Bearer {site.token(NRPS_SCOPE).get_json()['access_token']}"}
    return site.client.get(at + query, headers=headers)


def test_members_of_12_are_those_who_launched(keys: Keys) -> None:
    site = Site("12", keys.url, members=True)
    sub = site.claims()["sub"]
    listed = members(site).get_json()["members"]
    assert [(m["user_id"], m["roles"], m["status"]) for m in listed] == [
        (sub, ["Learner"], "Active")
    ]
    assert "name" not in listed[0]
    assert members(site, "?role=Instructor").get_json()["members"] == []
    assert members(site, "?limit=0").get_json()["members"] == []


def test_members_need_their_own_scope(keys: Keys) -> None:
    site = Site("12", keys.url, members=True)
    at = f"/ltiservices.php/membership/88/{site.where.obj_id}"
    assert site.client.get(at).status_code == 401
    assert site.client.get(at, headers=site.bearer()).status_code == 403


def test_members_are_named_only_in_courses_and_groups_of_12(keys: Keys) -> None:
    for kind, there in (("crs", True), ("grp", True), ("cat", False), ("root", False)):
        site = Site("12", keys.url, members=True)
        site.where.context = Context(kind, 90, "x")
        assert any("namesroleservice" in claim for claim in site.claims()) is there
        assert (members(site).status_code == 200) is there
    assert not any("namesroleservice" in c for c in Site("11", members=True).claims())
