"""Settings -> one frozen `House`: database, seal, content and the services of the flows."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from competency import blueprint
from competency.blueprint import Blueprint
from competency.errors import InvalidBlueprint
from competency.packs import Content
from lti_tool.errors import Problem, SettingsError
from lti_tool.ports import Limits, Services, Store
from lti_tool.privacy import PersonData
from lti_tool.seal import Seal
from lti_tool.settings import ROOT, Settings
from lti_tool.store.conclusions import Meaning
from lti_tool.store.database import Database
from lti_tool.store.database import Limits as DatabaseLimits
from lti_tool.store.work import SqlStore
from xapi_bridge.wire import statements

PRIVACY_FILE = ROOT / "config" / "privacy.toml"


@dataclass(frozen=True)
class House:
    settings: Settings
    database: Database
    seal: Seal
    flows: Services
    meaning: Meaning

    @property
    def store(self) -> Store:
        return self.flows.store

    @property
    def limits(self) -> Limits:
        return self.flows.limits

    def close(self) -> None:
        self.database.close()


def open_database(settings: Settings) -> Database:
    """Return the database of these settings; opens no connection.

    :raises DatabaseError: the folder of a SQLite file cannot be made.
    """
    s = settings.database
    limits = DatabaseLimits(s.lock_timeout_s, s.statement_timeout_s, s.slow_query_s, s.pool_size)
    return Database(s.url, limits)


def build(settings: Settings) -> House:
    """Return the house for these settings; reads the content packs, opens no connection.

    :raises PackError: a content pack is broken; names the file and the field.
    :raises SettingsError: no attempt can keep the content blueprint.
    """
    database = open_database(settings)
    content = Content.load(settings.content.dir)
    seal = Seal(settings.security.secret_key)
    limits = Limits(
        max_items=settings.assessment.max_items,
        min_items=settings.assessment.min_items,
        correlation_within=settings.assessment.correlation_within,
        correlation_between=settings.assessment.correlation_between,
        foreign_worth=settings.assessment.foreign_worth,
        randomesque=settings.assessment.randomesque,
        max_minutes=settings.assessment.max_minutes,
        exposure_cap=settings.assessment.exposure_cap,
        blueprint=_blueprint(settings.assessment.blueprint, content),
        hours_per_month=settings.planning.hours_per_month,
    )
    meaning = Meaning.of(content, settings.content.dir)
    flows = Services(
        store=SqlStore(database, seal, meaning),
        content=content,
        registry=PersonData.load(PRIVACY_FILE),
        base_url=settings.server.base_url,
        statements=partial(statements, settings.server.base_url),
        limits=limits,
    )
    return House(settings, database, seal, flows, meaning)


def _blueprint(path: Path | None, content: Content) -> Blueprint | None:
    """Return the content blueprint; refused here, before anybody is asked by it."""
    if path is None:
        return None
    try:
        found = Blueprint.of_document(json.loads(path.read_text(encoding="utf-8")))
        wrong = blueprint.problems(found, content.framework, content.items)
    except (OSError, ValueError, AttributeError, InvalidBlueprint) as error:
        wrong = (str(error),)
    if wrong:
        raise SettingsError([Problem(f"assessment.blueprint, {path}", text) for text in wrong])
    return found
