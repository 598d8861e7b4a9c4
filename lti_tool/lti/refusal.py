"""Why a login or launch is refused: one code per cause, the status, and which page a person sees.

The fine-grained code goes into `<meta name="roadmap-error">`, into the log and into the count of
refusals; the page (`Case`) is one of the few of design/pages.md section 11. 401 means that the
token or the browser proves nothing, 403 that it proves something that is not allowed.
"""

from enum import Enum, StrEnum


class Case(StrEnum):
    """The page, and the code that a person reads out on the telephone."""

    EXPIRED = "START-ABGELAUFEN"
    UNKNOWN = "START-UNBEKANNT"
    WAITING = "START-WARTET"
    COOKIES = "COOKIES"
    SIGN_IN = "ANMELDEN"
    SESSION = "SITZUNG"
    FORM = "FORMULAR"
    PAGE = "SEITE"
    PORTAL = "PORTAL"
    OURS = "INTERN"
    SLOW = "LANGSAM"
    STAFF = "VERWALTUNG"
    REGISTER = "ANBINDEN"


class Code(Enum):
    """Every cause. Value: code, HTTP status, page."""

    # The request itself
    METHOD = ("method-not-allowed", 405, Case.PAGE)
    CONTENT_TYPE = ("content-type", 415, Case.UNKNOWN)
    TOO_LARGE = ("too-large", 413, Case.UNKNOWN)
    FORM = ("form-malformed", 400, Case.UNKNOWN)
    PARAMETER_TWICE = ("parameter-twice", 400, Case.UNKNOWN)
    PARAMETER_MALFORMED = ("parameter-malformed", 400, Case.UNKNOWN)
    RATE = ("too-many-refusals", 429, Case.SLOW)
    NOT_FOUND = ("not-found", 404, Case.PAGE)
    BAD_REQUEST = ("bad-request", 400, Case.UNKNOWN)
    INTERNAL = ("internal", 500, Case.OURS)
    UNAVAILABLE = ("database-unavailable", 503, Case.OURS)
    NOT_SECURE = ("not-secure", 400, Case.UNKNOWN)
    # Login
    ISS_MISSING = ("login-iss-missing", 400, Case.UNKNOWN)
    HINT_MISSING = ("login-hint-missing", 400, Case.UNKNOWN)
    TARGET_MISSING = ("login-target-missing", 400, Case.UNKNOWN)
    TARGET_FOREIGN = ("login-target-foreign", 400, Case.UNKNOWN)
    ISSUER_UNKNOWN = ("issuer-unknown", 403, Case.UNKNOWN)
    CLIENT_UNKNOWN = ("client-unknown", 403, Case.UNKNOWN)
    CLIENT_AMBIGUOUS = ("client-ambiguous", 400, Case.UNKNOWN)
    PLATFORM_PENDING = ("platform-pending", 403, Case.WAITING)
    PLATFORM_BLOCKED = ("platform-blocked", 403, Case.UNKNOWN)
    # What the browser brings back
    PLATFORM_LOGIN = ("platform-login-required", 401, Case.SIGN_IN)
    PLATFORM_ERROR = ("platform-error", 400, Case.UNKNOWN)
    STATE_MISSING = ("state-missing", 400, Case.UNKNOWN)
    STATE_INVALID = ("state-invalid", 401, Case.UNKNOWN)
    STATE_EXPIRED = ("state-expired", 401, Case.EXPIRED)
    COOKIES_BLOCKED = ("cookies-blocked", 401, Case.COOKIES)
    STATE_COOKIE = ("state-cookie-missing", 401, Case.COOKIES)
    LAUNCH_USED = ("launch-used", 401, Case.EXPIRED)
    TOKEN_MISSING = ("token-missing", 400, Case.UNKNOWN)
    # Form and signature of the token
    TOKEN_MALFORMED = ("token-malformed", 400, Case.UNKNOWN)
    ALGORITHM = ("token-algorithm", 401, Case.UNKNOWN)
    TOKEN_TYPE = ("token-type", 401, Case.UNKNOWN)
    HEADER_CRITICAL = ("token-header-critical", 401, Case.UNKNOWN)
    HEADER_KEY = ("token-header-key", 401, Case.UNKNOWN)
    KID_MISSING = ("token-kid-missing", 401, Case.UNKNOWN)
    KID_UNKNOWN = ("token-kid-unknown", 401, Case.UNKNOWN)
    SIGNATURE = ("token-signature", 401, Case.UNKNOWN)
    KEYS_UNREACHABLE = ("platform-keys-unreachable", 502, Case.PORTAL)
    # Time
    TIME_MALFORMED = ("token-time-malformed", 400, Case.UNKNOWN)
    IAT_MISSING = ("token-iat-missing", 400, Case.UNKNOWN)
    EXP_MISSING = ("token-exp-missing", 400, Case.UNKNOWN)
    EXP_BEFORE_IAT = ("token-exp-before-iat", 400, Case.UNKNOWN)
    EXPIRED = ("token-expired", 401, Case.EXPIRED)
    TOO_OLD = ("token-too-old", 401, Case.EXPIRED)
    FROM_FUTURE = ("token-from-future", 401, Case.UNKNOWN)
    NOT_YET = ("token-not-yet-valid", 401, Case.UNKNOWN)
    # Issuer and audience
    TOKEN_ISS_MISSING = ("token-iss-missing", 400, Case.UNKNOWN)
    TOKEN_ISS_WRONG = ("token-iss-wrong", 401, Case.UNKNOWN)
    AUD_MISSING = ("token-aud-missing", 400, Case.UNKNOWN)
    AUD_MALFORMED = ("token-aud-malformed", 400, Case.UNKNOWN)
    AUD_WRONG = ("token-aud-wrong", 401, Case.UNKNOWN)
    AZP_MISSING = ("token-azp-missing", 401, Case.UNKNOWN)
    AZP_WRONG = ("token-azp-wrong", 401, Case.UNKNOWN)
    NONCE_MISSING = ("token-nonce-missing", 400, Case.UNKNOWN)
    NONCE_WRONG = ("token-nonce-wrong", 401, Case.UNKNOWN)
    # LTI claims
    VERSION_MISSING = ("version-missing", 400, Case.UNKNOWN)
    VERSION_WRONG = ("version-wrong", 400, Case.UNKNOWN)
    MESSAGE_MISSING = ("message-type-missing", 400, Case.UNKNOWN)
    MESSAGE_UNKNOWN = ("message-type-unknown", 400, Case.UNKNOWN)
    DEPLOYMENT_MISSING = ("deployment-missing", 400, Case.UNKNOWN)
    DEPLOYMENT_UNKNOWN = ("deployment-unknown", 403, Case.WAITING)
    DEPLOYMENT_PENDING = ("deployment-pending", 403, Case.WAITING)
    DEPLOYMENT_BLOCKED = ("deployment-blocked", 403, Case.UNKNOWN)
    SUB_MISSING = ("sub-missing", 400, Case.UNKNOWN)
    ROLES_MISSING = ("roles-missing", 400, Case.UNKNOWN)
    ROLES_MALFORMED = ("roles-malformed", 400, Case.UNKNOWN)
    LINK_MISSING = ("resource-link-missing", 400, Case.UNKNOWN)
    LINK_ID_MISSING = ("resource-link-id-missing", 400, Case.UNKNOWN)
    TARGET_CLAIM_MISSING = ("target-missing", 400, Case.UNKNOWN)
    TARGET_CLAIM_FOREIGN = ("target-foreign", 400, Case.UNKNOWN)
    TARGET_CLAIM_WRONG = ("target-mismatch", 400, Case.UNKNOWN)
    SETTINGS_MISSING = ("deep-linking-settings-missing", 400, Case.UNKNOWN)
    RETURN_URL = ("deep-linking-return-url", 400, Case.UNKNOWN)
    NOT_ALLOWED = ("deep-linking-not-allowed", 403, Case.UNKNOWN)
    FOR_USER_MISSING = ("for-user-missing", 400, Case.UNKNOWN)
    FOR_USER_FOREIGN = ("for-user-foreign", 403, Case.UNKNOWN)
    CLAIM_MALFORMED = ("claim-malformed", 400, Case.UNKNOWN)
    # Dynamic registration
    REGISTRATION_ADDRESS = ("registration-address", 400, Case.REGISTER)
    REGISTRATION_SILENT = ("registration-silent", 502, Case.REGISTER)
    REGISTRATION_CONFIGURATION = ("registration-configuration", 400, Case.REGISTER)
    REGISTRATION_ISSUER = ("registration-issuer", 400, Case.REGISTER)
    REGISTRATION_TOKEN = ("registration-token", 400, Case.REGISTER)
    REGISTRATION_USED = ("registration-used", 400, Case.REGISTER)
    REGISTRATION_REFUSED = ("registration-refused", 400, Case.REGISTER)
    REGISTRATION_ANSWER = ("registration-answer", 400, Case.REGISTER)
    REGISTRATION_TENANT = ("registration-tenant", 400, Case.REGISTER)
    REGISTRATION_FULL = ("registration-full", 409, Case.REGISTER)
    # Inside a launch
    SESSION_ENDED = ("session-ended", 403, Case.SESSION)
    SESSION_LEFT = ("session-left", 403, Case.SESSION)
    SESSION_FOREIGN = ("session-foreign", 403, Case.SESSION)
    CSRF = ("form-token", 403, Case.FORM)
    ORIGIN = ("form-origin", 403, Case.FORM)
    STALE = ("form-stale", 409, Case.FORM)
    # In the administration
    STAFF_SESSION = ("staff-session", 403, Case.STAFF)
    STAFF_RIGHT = ("staff-right", 403, Case.STAFF)
    STAFF_ENTRY = ("staff-entry", 403, Case.STAFF)

    def __init__(self, slug: str, status: int, case: Case) -> None:
        self.slug = slug
        self.status = status
        self.case = case


class Refused(Exception):
    """A login or launch that cannot go on, and what is safely known for its page.

    `back` (the way back to the course) and `locale` come from a token whose signature was good,
    or are empty. `claim` names a malformed claim, never its value.
    """

    def __init__(
        self,
        code: Code,
        *,
        claim: str = "",
        back: str = "",
        locale: str = "",
        skew_s: float | None = None,
    ) -> None:
        super().__init__(code.slug)
        self.code = code
        self.claim = claim
        self.back = back
        self.locale = locale
        self.skew_s = skew_s
