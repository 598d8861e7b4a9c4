"""What a store can do, as values: found by `probe`, kept with the connection, told to an admin.

None and "unknown" mean that it could not be told, mostly because the store holds too little.
Source: reference/xapi.md sections 3.2 and 5.2.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SPOKEN = ("2.0.0", "1.0.3", "1.0.2", "1.0.1", "1.0.0")  # best first
SMALL_PAGE = 100
MUCH_SKEW_S = 60.0

#: What an admin should know, by the short name of the finding.
SENTENCES: Mapping[str, str] = {
    "ignores-since": "It ignores `since`: every pull would read everything. It cannot be used.",
    "foreign-version": "It speaks no version of xAPI that we speak (1.0.x, 2.0).",
    "timestamp": "This store filters by `timestamp`: late statements can be missed. We read the "
    "last 30 days each time, and everything at night. Better let it forward to /xapi.",
    "unknown-since": "It holds too little to tell whether late statements are found. We look again "
    "when there is more; `--write-probe` tells at once.",
    "small-pages": "It gives at most {page_cap} statements per page: imports are slow.",
    "inconsistent": "It does not say up to when its answers are complete; overlap covers that.",
    "read-only": "Our key may not write there: learning paths do not arrive.",
    "no-documents": "It has no documents: of a path it gets the statements only.",
    "document-key": "Our key may not use documents there (agents/profile): of a path only the "
    "statements arrive. Let the LRS give it that right.",
    "no-if-match": "It overwrites documents without looking at If-Match.",
    "shows-voided": "It does not know voidedStatementId: we apply voids ourselves.",
    "filters": "Its filters do not work: we read everything and choose ourselves.",
    "skew": "Its clock differs from ours by {skew_s:.0f} s. That does no harm to pulling.",
    "limited": "It limits how often we may ask ({limits}): imports take longer.",
}
#: With these findings a store cannot be used.
FATAL = frozenset({"ignores-since", "foreign-version"})

#: What may change without anybody having to know.
_UNREMARKABLE = frozenset({"skew_s", "consistency_lag_s", "page_default", "wrote", "version"})


@dataclass(frozen=True, slots=True)
class Capabilities:
    versions: tuple[str, ...] = ()  # as its About page says
    answers: str = ""  # the version in its answers
    version: str = "1.0.3"  # what we speak when reading …
    write_version: str = "1.0.3"  # … and when writing
    page_default: int | None = None
    page_cap: int | None = None  # None: at least what we ask for, or too few statements to tell
    since: str = "unknown"  # stored | timestamp | ignored
    order: str = "unknown"  # stored | timestamp | neither: of `ascending=true`
    boolean: str = "unknown"  # lower ("true" is understood) | ignored
    more: str = "unknown"  # absolute | path | query | relative
    last_more: str = "unknown"  # on the last page: empty | missing
    consistent_through: str = "none"  # trusted | present | none
    consistency_lag_s: float | None = None
    consistency_monotonic: bool | None = None
    skew_s: float | None = None  # our clock minus the store's; None: it does not say its time
    may_write: bool | None = None
    documents: bool | None = None
    document_key: bool | None = None  # False: our key may not use them
    if_match: bool | None = None
    voided: bool | None = None  # voidedStatementId is understood
    filters: str = "unknown"  # usable | unusable: verb, activity with related_activities
    agents: str = "unknown"  # usable | unusable: agent
    limits: Mapping[str, str] = field(default_factory=dict)  # headers about rate limits
    ours: bool = False
    wrote: bool = False  # found out by writing, too

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def usable(self) -> bool:
        return not FATAL.intersection(self.findings)

    @property
    def findings(self) -> tuple[str, ...]:
        return findings(self.document())

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return what an admin should know, in words."""
        return sentences(self.document())


def findings(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the short names of what an admin should know of a kept document."""
    cap, skew = found.get("page_cap"), found.get("skew_s")
    said = {
        "ignores-since": found.get("since") == "ignored",
        "foreign-version": not found.get("version"),
        "timestamp": found.get("since") == "timestamp",
        "unknown-since": found.get("since") == "unknown",
        "read-only": found.get("may_write") is False,
        "small-pages": cap is not None and cap < SMALL_PAGE,
        "limited": bool(found.get("limits")),
        "no-documents": found.get("documents") is False,
        "document-key": found.get("document_key") is False,
        "no-if-match": found.get("if_match") is False,
        "shows-voided": found.get("voided") is False,
        "filters": found.get("filters") == "unusable",
        "inconsistent": found.get("consistent_through") == "none",
        "skew": skew is not None and abs(skew) > MUCH_SKEW_S,
    }
    return tuple(name for name, true in said.items() if true)


def sentences(found: Mapping[str, Any]) -> tuple[str, ...]:
    limits = ", ".join(f"{name}: {value}" for name, value in (found.get("limits") or {}).items())
    values = {**found, "limits": limits}
    return tuple(SENTENCES[name].format(**values) for name in findings(found))


def merged(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known now; what could not be told this time stays as it was."""
    kept = {k: v for k, v in now.items() if v not in (None, "unknown") or k not in before}
    if now.get("documents") and not before.get("documents"):
        kept["document_key"] = now.get("document_key")  # what kept us out before is over
    return {**before, **kept, "skew_s": now.get("skew_s")}


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return name, before and now of what an admin should hear about."""
    return [
        (name, _text(before[name]), _text(value))
        for name, value in now.items()
        if name in before
        and name not in _UNREMARKABLE
        and before[name] not in (None, "unknown")
        and _text(before[name]) != _text(value)
    ]


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {v}" for k, v in sorted(value.items()))
    return str(value)
