"""`roadmap check`: the same truth for the operator at the command line and for the admin's page.

A result carries a code and values, so that the page can say it in German (`web/admin/tested.py`).
Nothing is changed anywhere: tokens are asked for, statements are not written.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from competency import checks as content_checks
from competency.errors import CompetencyError
from lti_tool.bootstrap import House, build
from lti_tool.checking import portals, shipped, stores
from lti_tool.checking.result import Result, failed, guarded
from lti_tool.errors import RoadmapError
from lti_tool.settings import Settings, load
from lti_tool.store import lrs, migrations, platforms, tenants
from lti_tool.store.database import require_writable

AT_ONCE = 8
LONGEST_S = 20.0


def run_checks() -> list[Result]:
    """Check everything that can be checked; a failed step ends what depends on it. Reads, sends."""
    try:
        settings = load()
    except RoadmapError as error:
        return [failed("settings", error)]
    results = [Result("settings", True, f"{settings.environment}, {settings.server.base_url}")]
    try:
        house = build(settings)
    except (RoadmapError, CompetencyError) as error:
        return [*results, failed("content", error)]
    try:
        return results + list(_in_house(house, settings))
    finally:
        house.close()


def _in_house(house: House, settings: Settings) -> Iterator[Result]:
    yield _content(settings)
    database = guarded("database", lambda: require_database(house))
    yield database
    if not database.ok:
        return
    with house.database.read() as conn:
        there = len(tenants.listed(conn)), len(platforms.listed(conn))
    yield _any("tenants", there[0], "roadmap tenant add KEY --name …")
    yield _any("platforms", there[1], "roadmap platform add …")
    yield from _connections(house, None)


def of_tenant(house: House, tenant_id: str) -> list[Result]:
    """Check the connections of one municipality, all at the same time. Reads, sends.

    What has not answered within `LONGEST_S` is said to be silent.
    """
    looks = list(_looks(house, tenant_id))
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        waiting = [(about, pool.submit(_all, look)) for about, look in looks]
        until = time.monotonic() + LONGEST_S
        found = [_in_time(about, future, until) for about, future in waiting]
    everything = [result for results in found for result in results]
    return everything or [Result("connections", False, "none there", "", "nothing")]


def _all(look: Callable[[], Iterable[Result]]) -> list[Result]:
    return list(look())


def _in_time(about: str, future: "Future[list[Result]]", until: float) -> list[Result]:
    try:
        return future.result(timeout=max(0.1, until - time.monotonic()))
    except TimeoutError:
        values = {"about": about}
        return [Result(about, False, "did not answer in time", "Try again.", "silent", values)]


def _connections(house: House, tenant_id: str | None) -> Iterator[Result]:
    for _about, look in _looks(house, tenant_id):
        yield from look()


def _looks(
    house: House, tenant_id: str | None
) -> Iterator[tuple[str, Callable[[], Iterable[Result]]]]:
    """Yield what there is to look at, by name, and how."""
    with house.database.read() as conn:
        platforms_there = platforms.listed(conn, tenant_id)
        lrs_there = lrs.listed(conn, tenant_id=tenant_id)
        switched = {t.id: t.settings for t in tenants.listed(conn)}
    if tenant_id is not None:
        yield "address", partial(_address, house.settings)
    for platform in platforms_there:
        wanted = switched[platform.tenant_id]
        look = partial(portals.look, house, platform, grades=wanted.ags, members=wanted.nrps)
        yield f"platform {platform.issuer}", look
    for connection in lrs_there:
        yield f"LRS {connection.name}", partial(stores.look, house, connection.id)


def _address(settings: Settings) -> Iterator[Result]:
    server = settings.server
    values = {"url": server.base_url}
    if server.secure or server.loopback:
        yield Result("address", True, f"{server.base_url}", "", "address-fine", values)
        return
    remedy = "Browsers keep our cookies over https only: ROADMAP__SERVER__BASE_URL."
    yield Result(
        "address", False, f"{server.base_url} is not https", remedy, "address-plain", values
    )


def _content(settings: Settings) -> Result:
    findings = [f for f in content_checks.check(settings.content.dir) if f.error]
    if findings:
        return Result("content", False, str(findings[0]), "See `roadmap content check`.")
    return shipped.look(settings.content.dir)


def require_database(house: House) -> Result:
    migrations.require_head(house.database)
    require_writable(house.database)
    kind = "SQLite" if house.database.sqlite else "PostgreSQL"
    return Result("database", True, f"{kind} at {migrations.current(house.database)}")


def _any(name: str, number: int, remedy: str) -> Result:
    return Result(name, number > 0, f"{number} there", "" if number else remedy)
