"""The services of this process, typed, for views: `services()` inside a request.

Structural on purpose: web and bootstrap are neighbours and must not import each other.
"""

from typing import Protocol, cast

from flask import current_app

from lti_tool.ports import Limits, Store
from lti_tool.ports import Services as FlowServices
from lti_tool.seal import Seal
from lti_tool.settings import Settings
from lti_tool.store.conclusions import Meaning
from lti_tool.store.database import Database


class House(Protocol):
    """What `lti_tool.bootstrap.House` holds."""

    @property
    def flows(self) -> FlowServices: ...
    @property
    def store(self) -> Store: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def database(self) -> Database: ...
    @property
    def seal(self) -> Seal: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def meaning(self) -> Meaning: ...


def house() -> House:
    """Return database, seal and settings beside the flows' services."""
    return cast(House, current_app.extensions["roadmap"])


def services() -> FlowServices:
    """Return what flows are called with."""
    return house().flows
