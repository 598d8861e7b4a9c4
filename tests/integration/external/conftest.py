"""The municipality of the Soll tests, on each kind of store."""

from tests.integration.soll.conftest import town

__all__ = ["town"]
