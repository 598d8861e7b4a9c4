"""By what things of the embedded LRS are found: digests of identifiers of any length."""

import hashlib
from functools import lru_cache

AGENT, ACTIVITY, FILE, SENDER, TARGET = "agent", "activity", "file", "sender", "target"


def digest(identifier: str) -> str:
    """Return what stands for an identifier in the tables: half of its SHA-256."""
    return hashlib.sha256(identifier.encode()).hexdigest()[:32]


#: The same for verbs and activities: they come again and again. Never for persons.
digest_of_thing = lru_cache(maxsize=8192)(digest)
