"""A launch as a pure function: token, keys, login, registration, now -> what we keep, or one code.

Order: form and signature (lti.token), then time, issuer, audience, nonce, then the LTI claims; only
verified claims are read. State and the one-time insert are the caller's: they need cookies and the
database. Names, mail, person_sourcedid and user names are never read (decisions.md 1.5); ILIAS's
`email` is no mail, see `platforms.ilias`.
Source: LTI 1.3 core section 5.3/5.4, IMS Security Framework 1.0 section 5.1.3, decisions.md 4.
"""

from dataclasses import dataclass
from datetime import datetime

from lti_tool.lti import identity, placing, scopes
from lti_tool.lti.adapter import ADMINISTRATORS, PLACERS, TEACHERS
from lti_tool.lti.addresses import is_linkable, is_ours
from lti_tool.lti.claims import Claims, moment, optional, required, section, texts, title
from lti_tool.lti.platforms import known_as, leeway_s, names_target_late, unusable_services
from lti_tool.lti.refusal import Code, Refused
from lti_tool.lti.state import Login
from lti_tool.lti.token import KeyLookup, verified_claims
from lti_tool.ports import RESOURCE_LINK, Arrival, Consumer, Json, Platform

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
AGS = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NRPS = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
FOR_USER = "https://purl.imsglobal.org/spec/lti/claim/for_user"
DL_SETTINGS = "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"
DEEP_LINKING = "LtiDeepLinkingRequest"
SUBMISSION_REVIEW = "LtiSubmissionReviewRequest"
# The library and the standard's drafts write it with and without the prefix.
PRIVACY = ("DataPrivacyLaunchRequest", "LtiDataPrivacyLaunchRequest")
_MESSAGES = (RESOURCE_LINK, DEEP_LINKING, SUBMISSION_REVIEW, *PRIVACY)
_ABOUT_A_LINK = (RESOURCE_LINK, SUBMISSION_REVIEW)
#: Where a message leads, whatever its target says.
_PAGES = {DEEP_LINKING: "einsetzen", SUBMISSION_REVIEW: "einsicht"} | dict.fromkeys(
    PRIVACY, "daten"
)
MAX_AGE_S = 600.0
_SWITCH = dict.fromkeys(("1", "true", "yes", "ja", "on"), True)
_SWITCH |= dict.fromkeys(("0", "false", "no", "nein", "off"), False)
_DEPLOYMENT = {"pending": Code.DEPLOYMENT_PENDING, "blocked": Code.DEPLOYMENT_BLOCKED}


@dataclass(frozen=True, slots=True)
class Rules:
    """Where we live, and what is allowed there."""

    base_url: str
    redirect_uri: str
    allow_local_http: bool = False
    consumer: Consumer | None = None  # the platform's LTI 1.1 key, where it had one


@dataclass(frozen=True, slots=True)
class Verified:
    """An arrival, and what is used in flight only: the way back and the measured clock skew."""

    arrival: Arrival
    back: str
    skew_s: float  # platform's clock minus ours, at most (the transport takes time, too)


class UnknownDeployment(Refused):
    """Well signed, but from a place nobody registered: to be recorded for the administrator."""

    def __init__(self, deployment_id: str) -> None:
        super().__init__(Code.DEPLOYMENT_UNKNOWN)
        self.deployment_id = deployment_id


def verify(
    id_token: str, key_of: KeyLookup, login: Login, platform: Platform, rules: Rules, now: datetime
) -> Verified:
    """Return what a launch says.

    :raises Refused: with exactly one code; `back` and `locale` are set once the signature is good.
    """
    claims = verified_claims(id_token, key_of)
    try:
        return _judge(claims, login, platform, rules, now)
    except Refused as refused:
        refused.back, refused.locale = _way_back(claims, rules), _locale_of(claims)
        refused.skew_s = _skew(claims, now)
        raise


def _judge(
    claims: Claims, login: Login, platform: Platform, rules: Rules, now: datetime
) -> Verified:
    _check_time(claims, now.timestamp(), leeway_s(platform.kind))
    _check_parties(claims, platform)
    if required(claims, "nonce", Code.NONCE_MISSING) != login.nonce:
        raise Refused(Code.NONCE_WRONG)
    arrival = _arrival(claims, login, platform, rules)
    # Last, because an unknown deployment is recorded: only a launch that is otherwise good may be.
    _check_deployment(platform, arrival.deployment_id)
    return Verified(arrival, _way_back(claims, rules), _skew(claims, now) or 0.0)


def _check_time(claims: Claims, now: float, leeway: float) -> None:
    issued, expires, not_before = (moment(claims, name) for name in ("iat", "exp", "nbf"))
    if issued is None:
        raise Refused(Code.IAT_MISSING)
    if expires is None:
        raise Refused(Code.EXP_MISSING)
    if expires <= issued:
        raise Refused(Code.EXP_BEFORE_IAT)
    if issued > now + leeway:
        raise Refused(Code.FROM_FUTURE)
    if not_before is not None and not_before > now + leeway:
        raise Refused(Code.NOT_YET)
    if now >= expires + leeway:
        raise Refused(Code.EXPIRED)
    if now - issued > MAX_AGE_S:
        raise Refused(Code.TOO_OLD)


def _check_parties(claims: Claims, platform: Platform) -> None:
    if required(claims, "iss", Code.TOKEN_ISS_MISSING, longest=512) != platform.issuer:
        raise Refused(Code.TOKEN_ISS_WRONG)
    audience = _audience(claims)
    if platform.client_id not in audience:
        raise Refused(Code.AUD_WRONG)
    if "azp" in claims:
        if claims["azp"] != platform.client_id:
            raise Refused(Code.AZP_WRONG)
    elif len(audience) > 1:
        raise Refused(Code.AZP_MISSING)


def _audience(claims: Claims) -> list[str]:
    audience = claims.get("aud")
    if audience is None or audience in ("", []):
        raise Refused(Code.AUD_MISSING)
    entries = audience if isinstance(audience, list) else [audience]
    if not all(isinstance(entry, str) and entry for entry in entries):
        raise Refused(Code.AUD_MALFORMED)
    return entries


def _arrival(claims: Claims, login: Login, platform: Platform, rules: Rules) -> Arrival:
    if required(claims, CLAIM + "version", Code.VERSION_MISSING) != "1.3.0":
        raise Refused(Code.VERSION_WRONG)
    message = required(claims, CLAIM + "message_type", Code.MESSAGE_MISSING)
    if message not in _MESSAGES:
        raise Refused(Code.MESSAGE_UNKNOWN)
    deployment = required(claims, CLAIM + "deployment_id", Code.DEPLOYMENT_MISSING)
    subject = required(claims, "sub", Code.SUB_MISSING)
    roles = _roles(claims)
    target = _target(claims, login, platform, rules, needed=message in _ABOUT_A_LINK)
    link = _link(claims, needed=message in _ABOUT_A_LINK)
    _check_message(claims, message, subject, roles, rules)
    context = section(claims, CLAIM + "context")
    person = known_as(platform.kind, subject, claims.get("email"))
    return Arrival(
        platform_id=platform.id,
        tenant_id=platform.tenant_id,
        deployment_id=deployment,
        message_type=message,
        subject=person.subject,
        ident=person.ident,
        nonce=login.nonce,
        instructor=bool(roles & TEACHERS),
        locale=_locale(optional(_presentation(claims), "locale")),
        target=target,
        page=_PAGES.get(message, ""),
        placed=_custom(claims, "page"),
        context_id=required(context, "id", Code.CLAIM_MALFORMED) if context else "",
        context_title=title(context, "title"),
        link_id=link,
        role=_custom(claims, "role"),
        services=_services(claims, platform.kind, rules),
        shared=_switch(_custom(claims, "tablet")),
        attribute=identity.trusted_attribute(claims, platform),
        former=identity.former_id(claims, platform, rules.consumer),
        placing=placing.wanted(section(claims, DL_SETTINGS)) if message == DEEP_LINKING else None,
    )


def _roles(claims: Claims) -> frozenset[str]:
    value = claims.get(CLAIM + "roles")
    if value is None:
        raise Refused(Code.ROLES_MISSING)
    if not isinstance(value, list) or not all(isinstance(role, str) for role in value):
        raise Refused(Code.ROLES_MALFORMED)
    return frozenset(value)


def _target(claims: Claims, login: Login, platform: Platform, rules: Rules, *, needed: bool) -> str:
    target = optional(claims, CLAIM + "target_link_uri", longest=2048)
    if not target:
        if needed:
            raise Refused(Code.TARGET_CLAIM_MISSING)
        return login.target
    if not is_ours(target, rules.base_url):
        raise Refused(Code.TARGET_CLAIM_FOREIGN)
    # ILIAS 8 to 11 always sends our redirect_uri here; the login's target is what counts.
    if target in (login.target, rules.redirect_uri):
        return login.target
    if login.target == rules.redirect_uri and names_target_late(platform.kind):
        return target
    raise Refused(Code.TARGET_CLAIM_WRONG)


def _link(claims: Claims, *, needed: bool) -> str:
    link = section(claims, CLAIM + "resource_link")
    if needed and claims.get(CLAIM + "resource_link") is None:
        raise Refused(Code.LINK_MISSING)
    return required(link, "id", Code.LINK_ID_MISSING) if link or needed else ""


def _check_message(
    claims: Claims, message: str, subject: str, roles: frozenset[str], rules: Rules
) -> None:
    if message == DEEP_LINKING:
        _check_deep_linking(claims, roles, rules)
    elif message == SUBMISSION_REVIEW:
        _check_for_user(claims, subject, roles & TEACHERS)
    elif message in PRIVACY:
        _check_for_user(claims, subject, roles & ADMINISTRATORS)


def _check_deep_linking(claims: Claims, roles: frozenset[str], rules: Rules) -> None:
    settings = section(claims, DL_SETTINGS)
    if not settings:
        raise Refused(Code.SETTINGS_MISSING)
    if not is_linkable(
        settings.get("deep_link_return_url"), allow_local_http=rules.allow_local_http
    ):
        raise Refused(Code.RETURN_URL)
    if not roles & PLACERS:
        raise Refused(Code.NOT_ALLOWED)


def _check_for_user(claims: Claims, subject: str, allowed: frozenset[str]) -> None:
    person = section(claims, FOR_USER)
    reviewed = required(person, "user_id", Code.FOR_USER_MISSING)
    # A learner can make Moodle sign a request about somebody else (reference/moodle.md 2.8).
    if reviewed != subject and not allowed:
        raise Refused(Code.FOR_USER_FOREIGN)


def _presentation(claims: Claims) -> Claims:
    return section(claims, CLAIM + "launch_presentation")


def _locale(name: str) -> str:
    """Return de or en for a BCP 47 tag or the name of a Moodle language pack (`de_comm`)."""
    language = name.replace("_", "-").split("-")[0].lower()
    return "de" if language in ("", "de") else "en"


def _custom(claims: Claims, name: str) -> str:
    value = optional(section(claims, CLAIM + "custom"), name, longest=64)
    return "" if value.startswith("$") else value  # a variable the platform did not resolve


def _switch(value: str) -> bool | None:
    """Return what a custom parameter switches, None if it says nothing we know."""
    return _SWITCH.get(value.strip().lower())


def _services(claims: Claims, kind: str, rules: Rules) -> dict[str, Json]:
    """Return addresses and scopes of AGS and NRPS; what is missing or not usable is left out."""
    endpoint, members = section(claims, AGS), section(claims, NRPS)
    found: dict[str, Json] = {
        "lineitem": optional(endpoint, "lineitem", longest=2048),
        "lineitems": optional(endpoint, "lineitems", longest=2048),
        "members": optional(members, "context_memberships_url", longest=2048),
    }
    local = rules.allow_local_http
    usable = {key: url for key, url in found.items() if is_linkable(url, allow_local_http=local)}
    usable = {key: url for key, url in usable.items() if key not in unusable_services(kind)}
    if granted := texts(endpoint, "scope"):
        usable["scopes"] = list(granted)
    # What we have no scope for is as if it were not there.
    if scopes.SCORE not in granted:
        usable.pop("lineitem", None)
    if not {scopes.SCORE, scopes.LINE_ITEM} <= set(granted):
        usable.pop("lineitems", None)
    return usable


def _check_deployment(platform: Platform, deployment_id: str) -> None:
    state = platform.deployments.get(deployment_id)
    if state is None:
        raise UnknownDeployment(deployment_id)
    if state != "active":
        raise Refused(_DEPLOYMENT.get(state, Code.DEPLOYMENT_BLOCKED))


def _way_back(claims: Claims, rules: Rules) -> str:
    """Return the course's address for the link on a refusal page. It carries Moodle's sesskey:
    never stored, never logged."""
    presentation = claims.get(CLAIM + "launch_presentation")
    url = presentation.get("return_url") if isinstance(presentation, dict) else None
    usable = is_linkable(url, allow_local_http=rules.allow_local_http)
    return str(url) if usable else ""


def _locale_of(claims: Claims) -> str:
    presentation = claims.get(CLAIM + "launch_presentation")
    name = presentation.get("locale") if isinstance(presentation, dict) else None
    return _locale(name) if isinstance(name, str) else ""


def _skew(claims: Claims, now: datetime) -> float | None:
    try:
        issued = moment(claims, "iat")
    except Refused:
        return None
    return None if issued is None else round(issued - now.timestamp(), 1)
