"""The running platform: settings, memory, keys, clock and faults in one value."""

import secrets
import sqlite3
from dataclasses import dataclass, field

from flask import current_app, session

from demo import world
from demo.config import Config
from demo.cron import Cron
from demo.faults import Clock, Faults
from demo.keys import Keys
from demo.store import Store
from demo.toolkeys import ToolKeys
from demo.world import Course, Person, World


@dataclass(slots=True)
class Lms:
    """What every view needs. Only `faults` changes while it runs."""

    config: Config
    store: Store
    keys: Keys
    tool_keys: ToolKeys
    cron: Cron
    clock: Clock
    world: World
    faults: Faults = field(default_factory=Faults)


def build(config: Config) -> Lms:
    """Return a platform on its data folder; makes keys and line items at the first start."""
    store, clock = Store(config.data), Clock()
    _place_line_items(store)
    return Lms(
        config=config,
        store=store,
        keys=Keys(store, clock.now()),
        tool_keys=ToolKeys(config.tool_jwks_url, config.timeout_s),
        cron=Cron(config, store),
        clock=clock,
        world=world.load(),
    )


def lms() -> Lms:
    """Return the platform of the current request."""
    found = current_app.extensions["demo"]
    assert isinstance(found, Lms)
    return found


def visitor() -> Person | None:
    """Return who is signed in in this browser."""
    return lms().world.person(session.get("person", 0))


def sesskey() -> str:
    """Return the browser session's form key, as Moodle calls it."""
    return str(session.setdefault("sesskey", secrets.token_urlsafe(8)))


def locale_of(conn: sqlite3.Connection, person: Person) -> str:
    """Return the language pack a person uses: their choice, else that of their account."""
    row = conn.execute("select locale from preference where person = ?", (person.id,)).fetchone()
    return str(row["locale"]) if row else person.locale


def line_items_of(conn: sqlite3.Connection, course: Course) -> list[int]:
    """Return the ids of the line items that belong to the course's LTI link."""
    found = conn.execute("select id from lineitem where link = ?", (course.link.id,))
    return [row["id"] for row in found]


def _place_line_items(store: Store) -> None:
    # Moodle makes one line item per link when it is placed with "accept grades".
    with store.begin() as conn:
        if conn.execute("select 1 from lineitem").fetchone():
            return
        conn.executemany(
            "insert into lineitem(course, label, maximum, resource, tag, link)"
            " values (?, ?, 100, '', '', ?)",
            [(c.id, c.link.title, c.link.id) for c in world.load().courses],
        )
