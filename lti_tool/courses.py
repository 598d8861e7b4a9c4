"""How many learners a course has: asked by the worker, shown to its instructor, a number only.

Off until a municipality switches `nrps` on (decisions.md 1.4). A start never waits for it.
"""

from datetime import datetime

from lti_tool.bootstrap import House
from lti_tool.lti.members import MembersRefused, count_learners
from lti_tool.lti.outbound import Outbound
from lti_tool.lti.services import Caller
from lti_tool.store import gradebook, keys, platforms
from lti_tool.store.tokens import SqlTokenShelf


def ask_size(house: House, platform_id: str, context_id: str, url: str, now: datetime) -> None:
    """Ask a platform how many learners a course has, and keep the number. Sends, writes.

    :raises DeliveryFailed: it does not answer now; the job tries again.
    """
    try:
        learners: int | None = count_learners(caller(house, platform_id, now), url, now)
    except MembersRefused:
        learners = None  # kept, too: else it would be asked at every start
    with house.database.begin() as conn:
        gradebook.keep_size(conn, platform_id, context_id, learners, now)


def caller(house: House, platform_id: str, now: datetime) -> Caller:
    """Return what is needed to call a platform with our own key."""
    with house.database.begin() as conn:
        platform = platforms.get(conn, platform_id)
        key = keys.active(conn, house.seal, now)
    shelf = SqlTokenShelf(house.database, house.seal, platform.id)
    return Caller(platform, Outbound.of(house.settings.security), key, shelf)
