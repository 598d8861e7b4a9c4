"""What has to happen to a database that comes from yesterday, before anybody uses it again.

Whoever was erased since must not come back; what may have been sent already must not be sent again
where that would do harm; nobody is logged in. Answers given since are lost; activity comes again
from the LRS. What holds and what does not is told in docs/how-to/sichern.md.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import select, update

from lti_tool.bootstrap import House, build
from lti_tool.errors import RoadmapError
from lti_tool.flows import persons
from lti_tool.settings import Settings
from lti_tool.store import backup, migrations, retention
from lti_tool.store.backup import BackupFailed
from lti_tool.store.database import at, us
from lti_tool.store.schema.core import audit, identity, job, learner, outbox
from lti_tool.store.schema.lti import launch

ERASED = "person.erase"
HELD = "Held after a restore: it may have been sent before. `roadmap outbox retry` sends it."
#: Sent twice, an older score or plan would replace a newer one; statements carry their id.
HARMFUL_TWICE = ("score", "result", "plan")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done: persons erased again, deliveries held, launches ended, rows purged."""

    erased: int
    held: int
    ended: int
    purged: int
    log_found: bool


def erasure_log(settings: Settings) -> Path | None:
    """Return the file that outlives the database and says who was erased; None: there is none."""
    if settings.privacy.erasure_log:
        return Path(settings.privacy.erasure_log)
    file = settings.database.url.removeprefix("sqlite:///")
    return Path(f"{file}.erased") if file != settings.database.url else None


def note_erasures(house: House) -> int:
    """Add to the log who was erased since it was last written; return how many. Writes a file.

    A line is a time and a keyed digest: without the secret key it says nothing about anybody.
    """
    path = erasure_log(house.settings)
    if path is None:
        return 0
    known = _marks(path)
    with house.database.read() as conn:
        rows = conn.execute(
            select(audit.c.at_us, audit.c.detail)
            .where(audit.c.action == ERASED)
            .order_by(audit.c.at_us)
        ).all()
    new = [(r.at_us, mark) for r in rows if (mark := r.detail.get("mark")) and mark not in known]
    if new:
        _append(path, (f"{at(us_):%Y-%m-%dT%H:%M:%SZ} {mark}\n" for us_, mark in new))
    return len(new)


def restore(settings: Settings, source: Path, log: Path | None, now: datetime) -> Restored:
    """Bring a backup into the empty database of these settings, and make it fit for today.

    :raises RoadmapError: it cannot be used; on SQLite nothing is left behind then.
    """
    if not settings.database.url.startswith("sqlite:///"):
        return _restored(settings, source, log, now)
    final = Path(settings.database.url.removeprefix("sqlite:///"))
    if final.exists():
        raise BackupFailed(
            f"{final} is there already.",
            remedy="Stop web and worker, move it away with its -wal and -shm, and try again.",
        )
    # Under another name until it is fit: a worker that somebody starts too early finds nothing.
    unfit = final.with_name(f"{final.name}.restoring")
    beside = replace(settings, database=replace(settings.database, url=f"sqlite:///{unfit}"))
    try:
        unfit.parent.mkdir(parents=True, exist_ok=True)
        unfit.unlink(missing_ok=True)
        report = _restored(beside, source, log, now)
        unfit.rename(final)
    finally:
        for end in ("", "-wal", "-shm"):
            unfit.with_name(unfit.name + end).unlink(missing_ok=True)
    return report


def _restored(settings: Settings, source: Path, log: Path | None, now: datetime) -> Restored:
    house = build(settings)
    try:
        if backup.in_use(house.database):
            raise BackupFailed(
                "Web or worker is still connected to this database.",
                remedy="Stop both (systemctl stop roadmap-web roadmap-worker), and try again.",
            )
        backup.restore(house.database, source)
        migrations.upgrade(house.database)
        _require_our_secret(house)
        return _made_fit(house, log, now)
    finally:
        house.close()


def _require_our_secret(house: House) -> None:
    with house.database.read() as conn:
        sealed = conn.execute(select(identity.c.sealed).limit(1)).scalar()
    if sealed is not None:
        house.seal.open(sealed)


def _made_fit(house: House, log: Path | None, now: datetime) -> Restored:
    with house.database.begin() as conn:
        waiting = (outbox.c.state == "pending") & outbox.c.kind.in_(HARMFUL_TWICE)
        dead = {"state": "dead", "last_error": HELD, "attempts": 1}  # tried perhaps: listed as such
        held = conn.execute(update(outbox).where(waiting).values(**dead))
        running = launch.c.ended_us.is_(None)
        ended = conn.execute(update(launch).where(running).values(ended_us=us(now)))
        # Whoever worked on them then does not any more.
        free = {"state": "waiting", "lease_owner": None, "lease_until_us": None}
        conn.execute(update(job).where(job.c.state == "running").values(**free))
    erased = _erase_again(house, _marks(log) if log else set(), now)
    purged = retention.purge(house.database, house.settings.retention, now)
    with house.store.begin() as work:
        detail = {"erased": erased, "held": held.rowcount}
        work.audit.note("cli", "db.restore", detail, now)
    found = log is not None and log.is_file()
    return Restored(erased, held.rowcount, ended.rowcount, sum(purged.values()), found)


def _erase_again(house: House, marks: set[str], now: datetime) -> int:
    with house.store.read() as work, house.database.read() as conn:
        ids = conn.execute(select(learner.c.id)).scalars()
        back = [work.learners.get(i) for i in ids if work.learners.mark(i) in marks]
    for person in back:
        persons.erase(house.flows, person, "cli", now, reason="erased before; backup restored")
    return len(back)


def _marks(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    lines = path.read_text(encoding="ascii").splitlines()
    return {line.split()[-1] for line in lines if line.strip()}


def _append(path: Path, lines: Iterable[str]) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise RoadmapError(
            f"The list of erasures {path} cannot be written ({error.strerror}).",
            remedy="Check privacy.erasure_log and the rights of the worker.",
        ) from None
