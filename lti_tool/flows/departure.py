"""Where a path leaves the house: what is put into the outbox, and what is in it.

Only steps leave (LMS or offer addresses, Pflicht/Wahlpflicht, dates, state); never levels,
verdicts, confidence or lists of competences (decision 1.2). Rows are written in the transaction
that accepts the path; `flows.deliver` sends them.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from competency.catalogue import Catalogue, Obligation
from competency.path import PathStep, StepState
from lti_tool.ports import Delivery, LaunchPlace, Learner, Services, StoredPath, Work

PLAN_NAME = "Mein Lernweg (roadMAP)"
PATH_NAMESPACE = uuid.UUID("6f0d1a5e-3c5e-5c58-9b8e-0d2f3a9c7e11")


def accepted(s: Services, work: Work, learner: Learner, stored: StoredPath, now: datetime) -> None:
    """Enqueue an accepted path for the tenant's LRSs, the LMS plan and the grade book."""
    tenant = work.tenants.get(learner.tenant_id)
    places = work.learners.places(learner.id)
    links = work.tenants.activities(learner.tenant_id)
    if tenant.settings.write_back and places:
        pair = s.path_statements(_event(s, learner, stored, places[0], links, now))
        for target in work.outbox.lrs_targets(learner.tenant_id):
            work.outbox.put(_delivery(learner, stored, "statements", target.id, pair), now)
    if tenant.settings.plan_service:
        for place in _once_per_platform(places):
            if place.plan_url:
                body = _plan(s.content.catalogue, stored, place, links)
                # An older plan that still waits must not arrive after this one and replace it.
                work.outbox.supersede(learner.id, "plan", place.platform_id)
                work.outbox.put(_delivery(learner, stored, "plan", place.platform_id, body), now)
    progress(work, learner, stored, now)


def withdrawn(
    s: Services,
    work: Work,
    learner: Learner,
    stored: StoredPath,
    now: datetime,
    *,
    keep_after_erasure: bool = False,
) -> None:
    """Enqueue the withdrawal of a path that had been written.

    With `keep_after_erasure` the rows belong to no learner, so that deleting a person does not
    delete the message that tells the LRS so.
    """
    places = work.learners.places(learner.id)
    if not places or stored.accepted is None:
        return
    write_back = work.tenants.get(learner.tenant_id).settings.write_back
    event = _event(s, learner, stored, places[0], {}, now) | {"kind": "withdrawn"}
    for target in work.outbox.lrs_targets(learner.tenant_id):
        # Where nothing was ever written, a withdrawal would be the first word about this person.
        written = _delivery(learner, stored, "statements", target.id, ())
        if not (write_back or work.outbox.holds(written.dedupe)):
            continue
        body = s.path_statements(event)
        delivery = _delivery(learner, stored, "statements", target.id, body, "withdrawn")
        owner = "" if keep_after_erasure else learner.id
        work.outbox.put(replace(delivery, learner_id=owner), now)


def progress(work: Work, learner: Learner, stored: StoredPath, now: datetime) -> None:
    """Enqueue the share of accepted steps done as a score, where the tenant switched that on."""
    if not work.tenants.get(learner.tenant_id).settings.ags or not stored.path.steps:
        return
    done = sum(step.state is StepState.DONE for step in stored.path.steps)
    share = done / len(stored.path.steps)
    for place in work.learners.places(learner.id):
        lineitem = str(place.services.get("lineitem", ""))
        before = work.outbox.last_score(learner.id, lineitem) if lineitem else None
        # A grade is never lowered: a new path with more steps must not look like a setback.
        if lineitem and (before is None or share > before):
            body = {
                "lineitem": lineitem,
                "subject": place.subject,
                "score": share,
                "done": done,
                "of": len(stored.path.steps),
                "timestamp": now.isoformat(),
            }
            note = f"{lineitem}:{done}/{len(stored.path.steps)}"
            delivery = _delivery(learner, stored, "score", place.platform_id, body, note)
            work.outbox.put(delivery, now)


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
