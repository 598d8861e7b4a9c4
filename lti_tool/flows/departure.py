"""Where a path leaves the house: what is put into the outbox, and what is in it.

Only steps leave (LMS or offer addresses, Pflicht/Wahlpflicht, dates, state); never levels,
verdicts, confidence or lists of competences (decision 1.2). Rows are written in the transaction
that accepts the path; `flows.deliver` sends them.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from competency.catalogue import Catalogue, Obligation
from competency.path import PathStep
from lti_tool.flows import grades
from lti_tool.flows.grades import WITHDRAWN
from lti_tool.ports import (
    Delivery,
    LaunchPlace,
    Learner,
    LrsTarget,
    Services,
    StoredPath,
    Work,
)

DOCUMENT = "document"  # the path as it stands, in an LRS
PLAN_NAME = "Mein Lernweg (roadMAP)"
PATH_NAMESPACE = grades.NAMESPACE


def accepted(s: Services, work: Work, learner: Learner, stored: StoredPath, now: datetime) -> None:
    """Enqueue an accepted path for the tenant's LRSs, the LMS plan and the grade book."""
    tenant = work.tenants.get(learner.tenant_id)
    places = work.learners.places(learner.id)
    links = work.tenants.activities(learner.tenant_id)
    if tenant.settings.write_back and places:
        pair = s.statements(_event(s, learner, stored, places[0], links, now))
        for target in work.outbox.lrs_targets(learner.tenant_id):
            work.outbox.put(_delivery(learner, stored, "statements", target.id, pair), now)
    present(s, work, learner, stored, now)
    if tenant.settings.plan_service:
        for place in _once_per_platform(places):
            if place.plan_url:
                body = _plan(s.content.catalogue, stored, place, links)
                # What still waits must not arrive after this one and replace or delete it.
                for kind in ("plan", "plan" + WITHDRAWN):
                    work.outbox.supersede(learner.id, kind, place.platform_id)
                work.outbox.put(_delivery(learner, stored, "plan", place.platform_id, body), now)
    grades.progress(work, learner, stored, now)


def present(s: Services, work: Work, learner: Learner, stored: StoredPath, now: datetime) -> None:
    """Enqueue the path as it stands now, for each LRS that was not told it like this before."""
    places = work.learners.places(learner.id)
    if not (work.tenants.get(learner.tenant_id).settings.write_back and places):
        return
    links = work.tenants.activities(learner.tenant_id)
    body = _event(s, learner, stored, places[0], links, now)
    body["assigned"] = (stored.accepted or now).isoformat()
    for step, planned in zip(body["steps"], stored.path.steps, strict=True):
        step["state"] = planned.state.value
    for target in work.outbox.lrs_targets(learner.tenant_id):
        _present(
            work, learner, _delivery(learner, stored, DOCUMENT, target.id, body, str(now)), now
        )


def _present(work: Work, learner: Learner, told: Delivery, now: datetime) -> None:
    """Enqueue a document in place of the one before it, unless it says the same."""
    before = [
        d
        for d in work.outbox.of(learner.id, (DOCUMENT,))
        if d.target_id == told.target_id and _whose(d) == _whose(told)
    ]
    if before and {**before[-1].body, "timestamp": ""} == {**told.body, "timestamp": ""}:
        return
    for older in before:
        work.outbox.drop(older.id)
    # A withdrawal that waits is older than this: the document is to stand there again.
    work.outbox.supersede(learner.id, DOCUMENT + WITHDRAWN, told.target_id)
    work.outbox.put(told, now)


def _whose(document: Delivery) -> tuple[str, str]:
    return document.body["home_page"], document.body["name"]


def withdrawn(s: Services, work: Work, learner: Learner, stored: StoredPath, now: datetime) -> None:
    """Enqueue the withdrawal of a path's statements, wherever they were written."""
    for target in told(work, learner, stored):
        place = work.learners.places(learner.id)[0]
        event = _event(s, learner, stored, place, {}, now) | {"kind": "withdrawn"}
        body, kind = s.statements(event), "statements" + WITHDRAWN
        work.outbox.put(_delivery(learner, stored, kind, target.id, body), now)


def told(work: Work, learner: Learner, stored: StoredPath) -> tuple[LrsTarget, ...]:
    """Return the LRSs that were told of this path, or are about to be."""
    if stored.accepted is None or not work.learners.places(learner.id):
        return ()
    write_back = work.tenants.get(learner.tenant_id).settings.write_back
    # Where nothing was ever written, a withdrawal would be the first word about this person.
    return tuple(
        target
        for target in work.outbox.lrs_targets(learner.tenant_id)
        if write_back
        or work.outbox.holds(_delivery(learner, stored, "statements", target.id, ()).dedupe)
    )


def _delivery(
    learner: Learner, stored: StoredPath, kind: str, target_id: str, body: Any, note: str = ""
) -> Delivery:
    dedupe = str(
        uuid.uuid5(PATH_NAMESPACE, f"{stored.id}|{stored.revision}|{kind}|{target_id}|{note}")
    )
    return Delivery(
        id=dedupe,
        tenant_id=learner.tenant_id,
        learner_id=learner.id,
        kind=kind,
        target_id=target_id,
        dedupe=dedupe,
        body=body,
    )


def _event(
    s: Services,
    learner: Learner,
    stored: StoredPath,
    place: LaunchPlace,
    links: Mapping[str, str],
    now: datetime,
) -> dict[str, Any]:
    """Return the neutral words of the path statements; `xapi_bridge.wire` puts them in xAPI."""
    units = s.content.catalogue.by_key
    return {
        "kind": "assigned",
        "assignment": stored.id,
        "revision": stored.revision,
        "home_page": place.issuer,
        "name": place.subject,
        "course": _course(place),
        "language": learner.language,
        "timestamp": now.isoformat(),
        "steps": [
            {
                "order": n,
                "activity": links.get(step.unit, f"{s.base_url}/xapi/unit/{step.unit}"),
                "title": units[step.unit].title,
                "mandatory": step.obligation is Obligation.MANDATORY,
                "month": calendar_month(stored.path.start, step.month),
            }
            for n, step in enumerate(stored.path.steps, start=1)
        ],
    }


def _course(place: LaunchPlace) -> str:
    """Return the address of the course; only Moodle's can be told from its id."""
    if place.platform_kind != "moodle" or not place.context_id:
        return ""
    return f"{place.issuer}/course/view.php?id={place.context_id}"


def _plan(
    catalogue: Catalogue, stored: StoredPath, place: LaunchPlace, links: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "user": place.subject,
        # One plan per person in the LMS: a new path of hers replaces it by this name.
        "name": PLAN_NAME,
        "due": calendar_month(stored.path.start, _last_month(stored.path.steps)),
        "steps": [
            {
                "title": catalogue.by_key[step.unit].title,
                "url": links.get(step.unit, ""),
                "mandatory": step.obligation is Obligation.MANDATORY,
                "month": calendar_month(stored.path.start, step.month),
            }
            for step in stored.path.steps
        ],
    }


def _once_per_platform(places: Sequence[LaunchPlace]) -> list[LaunchPlace]:
    return list({place.platform_id: place for place in reversed(places)}.values())


def _last_month(steps: Sequence[PathStep]) -> int:
    return max((step.month for step in steps), default=0)


def calendar_month(start: str, offset: int) -> str:
    """Return the month `offset` months after `start`, both as "2026-11"."""
    year, month = (int(part) for part in start.split("-"))
    number = year * 12 + month - 1 + offset
    return f"{number // 12:04d}-{number % 12 + 1:02d}"
