"""Access tokens, scores, line items, members (reference/ilias.md 5, 9.3 steps 8 to 12)."""

import re
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify, request

from tests.doubles.ilias import identity, keys
from tests.doubles.ilias.claims import AGS_SCOPES, NRPS_SCOPE, role
from tests.doubles.ilias.installation import base, here, host, keyset
from tests.doubles.ilias.world import Object

TOKEN_FIELDS = ("client_assertion", "client_assertion_type", "grant_type", "scope")
SCOPES_CLAIM = "imsglobal.org.security.scope"
GRADE = ("Initialized", "Started", "InProgress", "Submitted", "Completed")
GRADING = ("NotReady", "Failed", "Pending", "PendingManual", "FullyGraded")
Answer = Response | tuple[Response, int] | tuple[str, int]
_IMS = "application/vnd.ims."
_ROUTES = {  # name: pattern after gradeservice, media types
    "lineitem": (r"/(\d+)/lineitems/(-?\d+)/lineitem", (_IMS + "lis.v2.lineitem+json",)),
    "lineitems": (
        r"/(\d+)/lineitems",
        (_IMS + "lis.v2.lineitemcontainer+json", _IMS + "lis.v2.lineitem+json"),
    ),
    "results": (
        r"/(\d+)/lineitems/(-?\d+)/lineitem/results",
        (_IMS + "lis.v2.resultcontainer+json",),
    ),
    "scores": (
        r"/(\d+)/lineitems/(-?\d+)/lineitem/scores",
        (_IMS + "lis.v1.scorecontainer+json", _IMS + "lis.v1.score+json"),
    ),
}
_METHODS = {
    "lineitem": ("GET", "PUT"),
    "lineitems": ("GET", "POST"),
    "results": ("GET",),
    "scores": ("POST",),
}
_SCOPES = {
    "scores": {"score"},
    "results": {"result.readonly"},
    "members": {"contextmembership.readonly"},
}

services = Blueprint("services", __name__)


class Refused(Exception):
    """Answer: status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@services.route("/ltitoken.php", methods=["GET", "POST", "PUT"])
def token() -> Answer:
    known = [*AGS_SCOPES, *([NRPS_SCOPE] if here().generation.strict else [])]
    allowed = [s for s in request.form.get("scope", "").split() if s in known]
    if request.method != "POST" or not all(map(request.form.get, TOKEN_FIELDS)) or not allowed:
        return jsonify({"error": "invalid_request"}), 400
    try:
        client_id = _asserted(request.form["client_assertion"])
    except (keys.Broken, KeyError):
        status, word = here().generation.token_broken
        return jsonify({"error": word}), status
    now, scope = here().now(), " ".join(allowed)
    claims = {"sub": client_id, "iat": now, "exp": now + 3600, SCOPES_CLAIM: scope}
    return jsonify(
        {
            "access_token": keys.sign(claims, here().key, here().kid),
            "token_type": "bearer",
            "expires_in": 3600,
            "scope": scope,
        }
    )


def _asserted(assertion: str) -> str:
    """Return the client. :raises keys.Broken: it does not prove that."""
    head, claims = keys.parts(assertion)
    provider = here().provider_of(claims["sub"])
    if provider is None or claims["iss"] != claims["sub"]:
        raise keys.Broken("client")
    if provider.key_type == "RSA_KEY" and here().generation.line_items:
        key = keys.of_pem(provider.public_key)
    else:
        key = keys.of_set(keyset(provider), head.get("kid"))
    keys.verify(assertion, key)
    if here().generation.strict:
        _check_once(claims)
    return provider.client_id


def _check_once(claims: dict[str, Any]) -> None:
    if urlsplit(str(claims["aud"])).netloc != urlsplit(base()).netloc:
        raise keys.Broken("aud")
    if claims["jti"] in here().spent:
        raise keys.Broken("jti")
    here().spent.add(claims["jti"])


@services.route("/ltiservices.php", defaults={"rest": ""}, methods=["GET", "POST", "PUT"])
@services.route("/ltiservices.php/<path:rest>", methods=["GET", "POST", "PUT"])
def service(rest: str) -> Answer:
    if not rest:
        return jsonify({"error": "ERROR_NO_PATH_INFO"}), 500
    if rest.startswith("membership/") and here().generation.strict:
        return _members(rest)
    name, found = _route("/" + rest.removeprefix("gradeservice/"))
    if name is None or found is None or not here().gradeservice:
        return _no_handler()
    if name != "scores" and not here().generation.line_items:
        return "", 500
    try:
        where = _object(int(found[2]) if name != "lineitems" else None, int(found[1]))
        if here().generation.line_items:
            _authorize(where, name)
        return {"lineitem": _lineitem, "lineitems": _lineitems, "results": _results}.get(
            name, _scored
        )(where)
    except Refused as refused:
        return "", refused.status


def _route(path: str) -> tuple[str | None, re.Match[str] | None]:
    for name, (pattern, kinds) in _ROUTES.items():
        slash = "/?" if here().generation.strict and name == "lineitems" else ""
        found = re.fullmatch(pattern + slash, path)
        if found and request.method in _METHODS[name] and _speaks(kinds):
            return name, found
    return None, None


def _speaks(kinds: tuple[str, ...]) -> bool:
    """Exactly one of these types, without parameters; a GET may also take anything."""
    if request.method == "GET":
        accept = request.headers.get("Accept", "*/*")
        return "*/*" in accept or accept in kinds
    return request.headers.get("Content-Type", "") in kinds


def _no_handler() -> Answer:
    status = 404 if here().generation.strict else 400
    asked = {"method": request.method, "url": request.url}
    reason = f"No handler found for {request.path}"
    return jsonify({"status": status, "reason": reason, "request": asked}), status


def _object(obj_id: int | None, context: int) -> Object:
    for where in here().objects.values():
        if where.context.ref_id == context and obj_id in (None, where.obj_id):
            return where
    if obj_id in here().line_items:
        return next(o for o in here().objects.values() if o.context.ref_id == context)
    raise Refused(404)


def _authorize(where: Object, name: str) -> None:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        claims = keys.verify(given, here().key.public_key())
    except keys.Broken:
        raise Refused(401) from None
    if claims["exp"] < here().now():
        raise Refused(401)
    if claims["sub"] != where.provider.client_id:
        raise Refused(403)
    scopes = claims[SCOPES_CLAIM].split()
    short = {s.rsplit("/", 1)[1] for s in scopes}
    reads = {"lineitem", "lineitem.readonly"} if request.method == "GET" else {"lineitem"}
    wanted = _SCOPES.get(name, reads)
    if not short & wanted:
        raise Refused(403)


def _lineitem(where: Object) -> Answer:
    if request.method == "PUT":
        here().line_items[where.obj_id] = request.get_json(force=True)
    return jsonify(_item(where))


def _lineitems(where: Object) -> Answer:
    if request.method == "GET":
        return jsonify([_item(where)])
    made = request.get_json(force=True)
    number = -1 - len(here().line_items)
    here().line_items[number] = made
    root = request.base_url.rstrip("/")
    return jsonify(made | {"id": f"{root}/{number}/lineitem"}), 201


def _item(where: Object) -> dict[str, Any]:
    root = f"{base()}{here().generation.prefix}/ltiservices.php/gradeservice"
    url = f"{root}/{where.context.ref_id}/lineitems/{where.obj_id}/lineitem"
    return {
        "id": url,
        "label": where.title,
        "scoreMaximum": 1,
        "resourceId": str(where.obj_id),
        "resourceLinkId": str(where.ref_id),
    }


def _results(where: Object) -> Answer:
    found = [
        {"id": str(usr), "userId": str(usr), "resultScore": value, "resultMaximum": 1}
        for (obj, usr), value in here().results.items()
        if obj == where.obj_id
    ]
    return jsonify(found)


def _scored(where: Object) -> Answer:
    sent = request.get_json(force=True, silent=True)
    if not isinstance(sent, dict) or not _is_score(sent):
        raise Refused(400)
    usr = _user(where, str(sent["userId"]))
    if usr is None:
        raise Refused(404)
    here().grades.append(sent | {"usr": usr, "obj": where.obj_id})
    _note(where, usr, sent)
    return "", here().generation.scored


def _is_score(sent: dict[str, Any]) -> bool:
    needed = ("userId", "gradingProgress", "activityProgress", "timestamp")
    given, most = sent.get("scoreGiven"), sent.get("scoreMaximum")
    if not all(sent.get(name) for name in needed) or (given is not None and most is None):
        return False
    try:
        datetime.fromisoformat(sent["timestamp"])
    except ValueError:
        return False
    if not here().generation.line_items:
        return True
    enums = sent["gradingProgress"] in GRADING and sent["activityProgress"] in GRADE
    whole = sent["gradingProgress"] != "FullyGraded" or (given is not None and most is not None)
    return enums and whole and (most is None or most > 0)


def _user(where: Object, name: str) -> int | None:
    """Return who of those that launched this object is meant."""
    people = identity.launched(here(), where)
    exact = [usr for usr, ident in people.items() if ident == name]
    prefix = [usr for usr, ident in people.items() if ident.startswith(f"{name}@")]
    subs = [usr for usr in people if _sub(where, usr) == name]
    if here().generation.strict:
        found = subs
    elif here().generation.line_items:
        found = exact or prefix or subs
    else:
        found = exact if "@" in name else prefix
    return found[0] if found else None


def _sub(where: Object, usr: int) -> str:
    return identity.sub(here(), where, here().users[usr], host())


def _note(where: Object, usr: int, sent: dict[str, Any]) -> None:
    """Turn a score into result and learning progress."""
    most = sent.get("scoreMaximum") or 1
    share = (sent.get("scoreGiven") or 0) / most
    full = sent["gradingProgress"] == "FullyGraded"
    place = (where.obj_id, usr)
    if not here().generation.line_items:
        share = share if full else 0.0
        here().results[place] = share
        done = share >= where.mastery
        here().progress[place] = ("COMPLETED" if done else "IN_PROGRESS", round(100 * share))
        return
    if full:
        here().results[place] = share
    if sent.get("scoreGiven") is None and here().generation.strict:
        here().results.pop(place, None)
    here().progress[place] = (_state_of(sent, share, where.mastery), round(100 * share))


def _state_of(sent: dict[str, Any], share: float, mastery: float) -> str:
    if sent["activityProgress"] != "Completed":
        return "IN_PROGRESS"
    if sent["gradingProgress"] == "Failed":
        return "FAILED"
    full = sent["gradingProgress"] == "FullyGraded"
    return "COMPLETED" if full and share >= mastery else "IN_PROGRESS"


def _members(rest: str) -> Answer:
    found = re.fullmatch(r"membership/(\d+)/(\d+)", rest)
    if found is None:
        return _no_handler()
    try:
        where = _object(int(found[2]), int(found[1]))
        _authorize(where, "members")
    except Refused as refused:
        return "", refused.status
    if where.context.type not in ("crs", "grp"):
        return _no_handler()
    wanted, limit = request.args.get("role", ""), int(request.args.get("limit", "1000"))
    every = [_member(where, usr) for usr in identity.launched(here(), where)]
    listed = [m for m in every if not wanted or m["roles"][0].endswith(wanted)][:limit]
    container = {"id": request.url, "context": {"id": found[1]}, "members": listed}
    answer = jsonify(container)
    answer.mimetype = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
    return answer


def _member(where: Object, usr: int) -> dict[str, Any]:
    user = here().users[usr]
    shown = identity.names(user, where.provider.privacy_name)
    return {
        "status": "Active",
        "user_id": _sub(where, usr),
        "roles": [role(here(), where, user)],
        **{name: value for name, value in shown.items() if value != "-"},
        "email": identity.ident(here(), where, user, host()),
    }
