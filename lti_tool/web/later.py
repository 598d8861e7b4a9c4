"""Tasks that were left for later: where they are offered again."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import url_for

from lti_tool.flows import asked
from lti_tool.web.services import services
from lti_tool.web.session import current_launch
from lti_tool.web.wording import local


@dataclass(frozen=True, slots=True)
class Later:
    title: str
    url: str


def tasks() -> tuple[Later, ...]:
    """Return the learner's tasks that were put off and can still be done, the oldest first."""
    found = asked.left_for_later(services(), current_launch().learner, datetime.now(UTC))
    return tuple(
        Later(
            local(q.item, "topic") or local(q.item, "stem"),
            url_for("learner.asked_at", position=q.position),
        )
        for q in found
    )
