"""One learning platform: approved, its keys, its clock, a token for us, plans, and lost cookies.

The clock is that of the `Date` header, so exact to a second or two. Cookies cannot be tried without
a browser: what is counted is how often one came back without ours.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from lti_tool.bootstrap import House
from lti_tool.checking.result import Result
from lti_tool.lti import plans, scopes
from lti_tool.lti.keys import KeySetBroken, usable_entries
from lti_tool.lti.outbound import Answer, Outbound, Unreachable
from lti_tool.lti.platforms.ilias import Known, Mode, modes
from lti_tool.lti.refusal import Code
from lti_tool.lti.services import SCORE_SCOPE, Caller, TokenRefused, fetch_token
from lti_tool.ports import DeliveryFailed, Platform
from lti_tool.seal import Seal
from lti_tool.store import identities, keys, platforms, refusals
from lti_tool.store.database import Database
from lti_tool.store.tokens import SqlTokenShelf

LEEWAY_S = {"ilias": 60.0}  # what a launch may be off; 10 s for the others (decisions.md 4.2)
SHORTEST_LEEWAY_S = 10.0
COOKIE_DAYS, FEW_LOST = 7, 2


def look(
    house: House, platform: Platform, *, grades: bool, members: bool = False
) -> Iterator[Result]:
    """Yield what is found; after the first thing that makes a start impossible, nothing more."""
    name = f"platform {platform.issuer}"
    values = {"about": platform.name or platform.issuer}
    if platform.state != "active":
        remedy, code = "roadmap platform approve ID", f"platform-{platform.state}"
        code = code.replace("pending", "waits")
        yield Result(name, False, f"is {platform.state}", remedy, code, values)
        return
    now = datetime.now(UTC)
    yield _places(platform, f"{name}: deployments", values)
    try:
        answer = Outbound.of(house.settings.security).get(
            platform.jwks_url, accept="application/json"
        )
    except Unreachable as error:
        message, why = f"the keyset cannot be read: {error}", values | {"why": str(error)}
        yield Result(name, False, message, "Is the LMS up?", "keys-unreachable", why)
        return
    yield _keys(answer, name, values)
    yield _clock(answer, platform, f"{name}: clock", values, datetime.now(UTC))
    yield _token(house, platform, f"{name}: token", values, now, grades=grades)
    if members:
        yield _members(house, platform, f"{name}: members", values, now)
    yield from _plans(house, platform, f"{name}: learning plans", values)
    yield _cookies(house, platform, f"{name}: cookies", values, now)
    if platform.kind == "ilias":
        yield names(house.database, house.seal, platform)


def names(database: Database, seal: Seal, platform: Platform) -> Result:
    """Return by which identification this ILIAS names people: only SHA256 serves everything.

    Told from the people who came last; nothing is asked of ILIAS. `values` has the modes.
    """
    with database.read() as conn:
        people = identities.newest(conn, seal, platform)
    found = modes(Known(subject, ident) for subject, ident in people)
    values = {"about": platform.name or platform.issuer, "modes": " ".join(found)}
    name = f"platform {platform.issuer}: identification"
    remedy = "Set the provider and the LRS type in ILIAS to SHA256, name: none."
    if not found:
        return Result(name, True, "nobody came yet", "", "names-unknown", values)
    if Mode.RANDOM in found:
        message = "random: everybody is somebody else in every object"
        return Result(name, False, message, remedy, "names-random", values)
    if len(found) > 1:
        message = f"several: {', '.join(found)}; whoever came under both is two people here"
        return Result(name, False, message, remedy, "names-mixed", values)
    if found[0] is not Mode.SHA256:
        message = f"{found[0]}; the LRS type in ILIAS has to be set to the same"
        return Result(name, True, message, "", "names-other", values)
    return Result(name, True, "SHA256", "", "names-fine", values)


def _places(platform: Platform, name: str, values: dict[str, str]) -> Result:
    states = list(platform.deployments.values())
    active, waiting = states.count("active"), states.count("pending")
    values = values | {"count": str(waiting or active)}
    remedy = "roadmap deployment list, then roadmap deployment approve ID"
    if waiting:
        return Result(
            name, False, f"{waiting} wait(s) for approval", remedy, "places-waiting", values
        )
    if not active:
        return Result(name, False, "none is approved", remedy, "places-none", values)
    return Result(name, True, f"{active} approved", "", "places-fine", values)


def _keys(answer: Answer, name: str, values: dict[str, str]) -> Result:
    try:
        number = len(usable_entries(answer)) if answer.status == 200 else 0
    except KeySetBroken:
        number = 0
    values = values | {"count": str(number)}
    if not number:
        remedy = "Check --jwks-url."
        return Result(name, False, "the keyset holds no usable key", remedy, "keys-none", values)
    return Result(name, True, f"{number} usable key(s)", "", "keys-fine", values)


def _clock(
    answer: Answer, platform: Platform, name: str, values: dict[str, str], now: datetime
) -> Result:
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", ""))
        skew_s = round((theirs - now).total_seconds())
    except (TypeError, ValueError):
        return Result(name, True, "the platform does not say its time", "", "clock-unknown", values)
    values = values | {"seconds": str(abs(skew_s))}
    leeway = LEEWAY_S.get(platform.kind, SHORTEST_LEEWAY_S)
    if abs(skew_s) > leeway:
        message = f"is {abs(skew_s)} s {'ahead' if skew_s > 0 else 'behind'}"
        return Result(name, False, message, "Set both clocks (NTP).", "clock-skew", values)
    return Result(name, True, f"{skew_s:+d} s", "", "clock-fine", values)


def _token(
    house: House,
    platform: Platform,
    name: str,
    values: dict[str, str],
    now: datetime,
    *,
    grades: bool,
) -> Result:
    try:
        fetch_token(_caller(house, platform, now), [SCORE_SCOPE], now)
    except DeliveryFailed as error:
        said = str(error.args[0])
        if not grades:
            message = f"{said} Grades are off, so nothing needs it."
            return Result(name, True, message, "", "token-unneeded", values)
        code = "token-refused" if isinstance(error, TokenRefused) else "token-silent"
        remedy = "Are client id, token URL and our keyset URL right in both places?"
        return Result(name, False, said, remedy, code, values)
    return Result(name, True, "given", "", "token-fine", values)


def _members(
    house: House, platform: Platform, name: str, values: dict[str, str], now: datetime
) -> Result:
    try:
        fetch_token(_caller(house, platform, now), [scopes.MEMBERS], now)
    except DeliveryFailed as error:
        remedy = "Allow the tool to read names and roles, or: roadmap tenant switch KEY nrps off"
        return Result(name, False, str(error.args[0]), remedy, "members-refused", values)
    return Result(name, True, "may be counted", "", "members-fine", values)


def _caller(house: House, platform: Platform, now: datetime) -> Caller:
    with house.database.begin() as conn:
        key = keys.active(conn, house.seal, now)
    shelf = SqlTokenShelf(house.database, house.seal, platform.id)
    return Caller(platform, Outbound.of(house.settings.security), key, shelf)


def _plans(house: House, platform: Platform, name: str, values: dict[str, str]) -> Iterator[Result]:
    with house.database.read() as conn:
        token = platforms.plan_token(conn, platform.id)
    if token is None or not platform.plan_url:
        return
    outbound = Outbound.of(house.settings.security)
    service = plans.PlanService(platform.plan_url, house.seal.open(token), outbound)
    try:
        missing = plans.missing_functions(service)
        allowed = not missing and plans.may_manage(service)
    except plans.PlanRefused as error:
        values = values | {"errorcode": error.errorcode}
        yield Result(name, False, str(error.args[0]), error.remedy, "plans-refused", values)
        return
    except DeliveryFailed as error:
        remedy = "Is the LMS up, and is --plan-url right?"
        yield Result(name, False, str(error.args[0]), remedy, "plans-silent", values)
        return
    if missing:
        values = values | {"functions": ", ".join(missing)}
        remedy = "Add them to the external service the token belongs to."
        message = f"functions are missing: {values['functions']}"
        yield Result(name, False, message, remedy, "plans-missing", values)
        return
    if not allowed:
        remedy = "Give the service user's role moodle/competency:planmanage."
        message = "the right moodle/competency:planmanage is missing"
        yield Result(name, False, message, remedy, "plans-right", values)
        return
    message = "all functions are allowed, and the right to make plans"
    yield Result(name, True, message, "", "plans-fine", values)


def _cookies(
    house: House, platform: Platform, name: str, values: dict[str, str], now: datetime
) -> Result:
    day = (now - timedelta(days=COOKIE_DAYS)).date().isoformat()
    with house.database.read() as conn:
        found = refusals.rows(conn, day)
    lost = sum(
        r.count for r in found if r.platform_id == platform.id and r.code == Code.STATE_COOKIE.slug
    )
    values = values | {"count": str(lost)}
    message = f"{lost} start(s) in {COOKIE_DAYS} days came back without our cookie"
    if lost > FEW_LOST:
        remedy = "Let the LMS open the tool in a new window."
        return Result(name, False, message, remedy, "cookies-lost", values)
    return Result(name, True, message, "", "cookies-fine", values)
