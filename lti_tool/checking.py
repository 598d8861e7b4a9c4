"""`roadmap check`: the same truth for the operator at the command line and, later, on a page."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from competency import checks as content_checks
from competency.errors import CompetencyError
from lti_tool.bootstrap import House, build
from lti_tool.errors import RoadmapError
from lti_tool.lti.keys import usable_entries
from lti_tool.lti.outbound import Outbound, Unreachable
from lti_tool.settings import Settings, load
from lti_tool.store import lrs, migrations, platforms, tenants
from lti_tool.store.database import require_writable
from lti_tool.store.pull import client_of
from xapi_bridge.errors import BridgeError
from xapi_bridge.probe import probe


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    ok: bool
    message: str
    remedy: str = ""

    def document(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "ok": self.ok,
            "message": self.message,
            "remedy": self.remedy,
        }


def run_checks() -> list[Result]:
    """Check everything that can be checked; a failed step ends what depends on it. Reads, sends."""
    try:
        settings = load()
    except RoadmapError as error:
        return [_failed("settings", error)]
    results = [Result("settings", True, f"{settings.environment}, {settings.server.base_url}")]
    try:
        house = build(settings)
    except (RoadmapError, CompetencyError) as error:
        return [*results, _failed("content", error)]
    try:
        return results + list(_in_house(house, settings))
    finally:
        house.close()


def _in_house(house: House, settings: Settings) -> Iterator[Result]:
    yield _content(settings)
    database = _guarded("database", lambda: _database(house))
    yield database
    if not database.ok:
        return
    with house.database.read() as conn:
        tenants_there = tenants.listed(conn)
        platforms_there = platforms.listed(conn)
        lrs_there = lrs.listed(conn)
    yield _any("tenants", len(tenants_there), "roadmap tenant add KEY --name …")
    yield _any("platforms", len(platforms_there), "roadmap platform add …")
    for platform in platforms_there:
        yield _platform(house, platform.issuer, platform.jwks_url, platform.state)
    for connection in lrs_there:
        yield _guarded(f"LRS {connection.name}", partial(_lrs, house, connection.id))


def _content(settings: Settings) -> Result:
    findings = [f for f in content_checks.check(settings.content.dir) if f.error]
    if findings:
        return Result("content", False, str(findings[0]), "See `roadmap content check`.")
    return Result("content", True, "all packs are complete")


def _database(house: House) -> Result:
    migrations.require_head(house.database)
    require_writable(house.database)
    kind = "SQLite" if house.database.sqlite else "PostgreSQL"
    return Result("database", True, f"{kind} at {migrations.current(house.database)}")


def _platform(house: House, issuer: str, jwks_url: str, state: str) -> Result:
    name = f"platform {issuer}"
    if state != "active":
        return Result(name, False, f"is {state}", "roadmap platform approve ID")
    try:
        outbound = Outbound(allow_local_http=house.settings.security.allow_local_http)
        answer = outbound.get(jwks_url, accept="application/json")
    except Unreachable as error:
        return Result(name, False, f"the keyset cannot be read: {error}", "Is the LMS up?")
    number = len(usable_entries(answer))
    if answer.status != 200 or not number:
        return Result(name, False, "the keyset holds no usable key", "Check --jwks-url.")
    return Result(name, True, f"{number} usable key(s)")


def _lrs(house: House, lrs_id: str) -> Result:
    with house.database.read() as conn:
        connection = lrs.get(conn, house.seal, lrs_id)
    name = f"LRS {connection.name}"
    try:
        with client_of(connection) as client:
            found = probe(client)
    except BridgeError as error:
        return Result(name, False, str(error), "Check endpoint and key, or start the LRS.")
    return Result(name, True, " ".join(["readable", *found.sentences]))


def _any(name: str, number: int, remedy: str) -> Result:
    return Result(name, number > 0, f"{number} there", "" if number else remedy)


def _guarded(name: str, look: Callable[[], Result]) -> Result:
    try:
        return look()
    except RoadmapError as error:
        return _failed(name, error)


def _failed(name: str, error: Exception) -> Result:
    message = error.args[0] if error.args else type(error).__name__
    return Result(name, False, str(message), getattr(error, "remedy", "").strip())
