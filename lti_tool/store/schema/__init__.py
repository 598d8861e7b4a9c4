"""All tables. Migrations and the privacy test read `metadata` from here."""

from lti_tool.store.schema import core, embedded, lti, providers, soll, staff, xapi
from lti_tool.store.schema.base import metadata

__all__ = ["core", "embedded", "lti", "metadata", "providers", "soll", "staff", "xapi"]
