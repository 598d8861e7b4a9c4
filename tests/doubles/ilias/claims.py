"""The claims of an id_token (reference/ilias.md 3.4, 9.4)."""

from typing import Any
from urllib.parse import urlsplit

from tests.doubles.ilias import identity
from tests.doubles.ilias.world import Context, Ilias, Object, User

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
DL = "https://purl.imsglobal.org/spec/lti-dl/claim/"
OUTCOME = "https://purl.imsglobal.org/spec/lti-bo/claim/basicoutcome"
AGS = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NRPS = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
COURSE = "http://purl.imsglobal.org/vocab/lis/v2/course#"
AGS_SCOPES = [
    f"https://purl.imsglobal.org/spec/lti-ags/scope/{name}"
    for name in ("lineitem", "lineitem.readonly", "result.readonly", "score")
]
NRPS_SCOPE = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
LIFE_S = 60
_TYPES = {
    "crs": "CourseOffering",
    "grp": "Group",
    "cat": "urn:lti:context-type:ilias/Category",
    "root": "urn:lti:context-type:ilias/RootNode",
}


def resource_link(
    ilias: Ilias, base: str, where: Object, user: User, asked: dict[str, str]
) -> dict[str, Any]:
    provider, new = where.provider, ilias.generation.real_target
    custom = provider.custom | where.custom
    target = custom.get("target_link_uri", provider.url) if new else asked["redirect_uri"]
    claims = _common(ilias, base, where, user, asked["nonce"], role(ilias, where, user)) | {
        LTI + "target_link_uri": target,
        LTI + "message_type": "LtiResourceLinkRequest",
        LTI + "resource_link": {
            "id": f"p{provider.id}" if provider.use_provider_id else str(where.ref_id),
            "title": where.title,
            "description": where.desc,
        },
    }
    if custom:
        claims[LTI + "custom"] = custom
    if provider.grade_sync or (ilias.generation.line_items and provider.has_outcome):
        claims[AGS] = _grades(ilias, base, where)
    if ilias.generation.strict and provider.members and where.context.type in ("crs", "grp"):
        url = f"{base}/ltiservices.php/membership/{where.context.ref_id}/{where.obj_id}"
        claims[NRPS] = {"context_memberships_url": url, "service_versions": ["2.0"]}
    return _without_empty(ilias, claims)


def deep_linking(
    ilias: Ilias, base: str, where: Object, user: User, nonce: str, back: str
) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "deep_link_return_url": back,
        "accept_types": ["ltiResourceLink"],
        "accept_presentation_document_targets": ["embed", "iframe", "window"],
        "accept_multiple": True,
        "auto_create": True,
    }
    if ilias.generation.strict:
        settings["data"] = f"ref-{where.ref_id}"
    claims = _common(ilias, base, where, user, nonce, "Instructor") | {
        LTI + "message_type": "LtiDeepLinkingRequest",
        DL + "deep_linking_settings": settings,
    }
    return _without_empty(ilias, claims)


def role(ilias: Ilias, where: Object, user: User) -> str:
    if where.provider.always_learner:
        return "Learner"
    if ilias.generation.write_is_instructor:
        return "Instructor" if user.write or user.admin else "Learner"
    if user.admin:
        return "Administrator"
    local = tuple(f"il_{where.parent_type}_{name}" for name in ("admin", "tutor"))
    return "Instructor" if any(r.startswith(local) for r in user.local_roles) else "Learner"


def _common(
    ilias: Ilias, base: str, where: Object, user: User, nonce: str, role: str
) -> dict[str, Any]:
    now, provider = ilias.now(), where.provider
    host = ilias.host_name or urlsplit(base).hostname or ""
    claims: dict[str, Any] = {
        "nonce": nonce,
        "iat": now,
        "exp": now + LIFE_S,
        "iss": base,
        "aud": provider.client_id,
        LTI + "deployment_id": str(provider.id),
        LTI + "version": "1.3.0",
        "sub": identity.sub(ilias, where, user, host),
        "picture": f"{base}/picture/{user.id}" if provider.include_picture else "",
        LTI + "roles": [MEMBERSHIP + role],
        **identity.names(user, provider.privacy_name),
        "email": identity.ident(ilias, where, user, host),
        LTI + "context": _context(ilias, where.context),
        LTI + "launch_presentation": _presentation(ilias, base, where, user),
        LTI + "tool_platform": _platform(ilias, base, host),
    }
    if ilias.generation.old_claims:
        outcome = f"{base}/result.php?client_id={ilias.ilias_client}"
        claims[OUTCOME] = {"lis_result_sourcedid": "", "lis_outcome_service_url": outcome}
    return claims


def _context(ilias: Ilias, context: Context) -> dict[str, Any]:
    name = _TYPES[context.type]
    if not ilias.generation.short_types:
        name = "CourseOffering" if context.type == "cat" else name
        name = name if name.startswith("urn:") else COURSE + name
    label = name.rpartition("/")[2].rpartition("#")[2]
    return {
        "id": str(context.ref_id),
        "type": [name],
        "title": context.title,
        "label": f"{label} {context.ref_id}",
    }


def _presentation(ilias: Ilias, base: str, where: Object, user: User) -> dict[str, str]:
    back = f"{base}/goto.php?target=lti_{where.ref_id}" if where.launch == "ownWin" else ""
    sizes = {"width": "", "height": ""} if ilias.generation.old_claims else {}
    return {
        "locale": user.lang,
        "document_target": "iframe" if where.launch == "embedded" else "window",
        "return_url": back,
        "css_url": "",
        **sizes,
    }


def _platform(ilias: Ilias, base: str, host: str) -> dict[str, str]:
    return {
        "guid": f"{ilias.ilias_client}.{host}",
        "name": "ILIAS",
        "description": "",
        "url": f"{base}/goto.php?target=root_1&client_id={ilias.ilias_client}",
        "contact_email": "a@b.de",
        "product_family_code": ilias.generation.families[1],
        "version": ilias.generation.version,
    }


def _grades(ilias: Ilias, base: str, where: Object) -> dict[str, Any]:
    root = f"{base}{ilias.generation.prefix}/ltiservices.php/gradeservice/{where.context.ref_id}"
    return {
        "lineitem": f"{root}/lineitems/{where.obj_id}/lineitem",
        "lineitems": root + ilias.generation.lineitems_tail,
        "scope": AGS_SCOPES,
    }


def _without_empty(ilias: Ilias, claims: dict[str, Any]) -> dict[str, Any]:
    if ilias.generation.keeps_empty:
        return claims
    return {name: value for name, value in claims.items() if value != ""}
