"""A platform double of ILIAS 8/9, 10, 11 and 12 (reference/ilias.md section 9).

Rebuilt from a reading of ILIAS's source code; no running ILIAS was seen. Answers JSON where the
real one sends a form that submits itself, so that no browser is needed. Nothing of the tool is
imported: it signs with raw `cryptography` and checks our answers the way ILIAS does.
"""

from tests.doubles.ilias.app import create_app
from tests.doubles.ilias.generation import GENERATIONS, Generation
from tests.doubles.ilias.serving import running
from tests.doubles.ilias.world import Context, Ilias, Object, Provider, User

__all__ = [
    "GENERATIONS",
    "Context",
    "Generation",
    "Ilias",
    "Object",
    "Provider",
    "User",
    "create_app",
    "running",
]
