"""Settings: one frozen tree, parsed once; one error lists everything that is wrong.

Order: config/default.toml < the file named by ROADMAP_CONFIG < environment
ROADMAP__SECTION__KEY (also …_FILE, for secrets). Types come from the fields below.
"""

import difflib
import ipaddress
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

from lti_tool.errors import Problem, SettingsError

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_FILE = ROOT / "config" / "default.toml"
DEFAULT_SECRET = "development-only-secret-key-change-me"  # noqa: S105  (refused outside development)
DEFAULT_ORIGIN = "http://localhost:8080"
PREFIX = "ROADMAP__"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Server:
    base_url: str
    host: str
    port: int
    processes: int
    threads: int
    stop_s: float
    trusted_proxies: int

    @property
    def loopback(self) -> bool:
        return _on_loopback(self.base_url)

    @property
    def secure(self) -> bool:
        return self.base_url.startswith("https://")


@dataclass(frozen=True, slots=True)
class Metrics:
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Database:
    url: str = field(repr=False)  # may hold a password
    lock_timeout_s: float = 10.0
    statement_timeout_s: float = 60.0
    slow_query_s: float = 0.5
    pool_size: int = 20


@dataclass(frozen=True, slots=True)
class Security:
    secret_key: str = field(repr=False)
    refusals_per_minute: int
    allow_local_http: bool
    intranet: tuple[Network, ...]
    ca_bundle: Path | None
    max_body_bytes: int
    tool_key_days: int


@dataclass(frozen=True, slots=True)
class Session:
    idle_s: int
    absolute_s: int
    shared_idle_s: int
    warning_s: int
    staff_idle_s: int
    staff_absolute_s: int


@dataclass(frozen=True, slots=True)
class ContentFolder:
    dir: Path
    proposals: Path


@dataclass(frozen=True, slots=True)
class Assessment:
    max_items: int
    min_items: int
    correlation_within: float
    correlation_between: float
    foreign_worth: float
    randomesque: int
    max_minutes: float
    exposure_cap: float
    blueprint: Path | None


@dataclass(frozen=True, slots=True)
class Planning:
    hours_per_month: float


@dataclass(frozen=True, slots=True)
class Lrs:
    page_size: int
    poll_s: float
    overlap_s: float


@dataclass(frozen=True, slots=True)
class Xapi:
    requests_per_minute: int


@dataclass(frozen=True, slots=True)
class Worker:
    poll_s: float
    lease_s: float
    backoff_s: float
    max_attempts: int


@dataclass(frozen=True, slots=True)
class Retention:
    raw_statements: int
    answers: int
    evidence: int
    recommendations: int
    audit: int
    parked: int
    embedded_statements: int
    embedded_documents: int


@dataclass(frozen=True, slots=True)
class Privacy:
    min_group_size: int
    erasure_log: str


@dataclass(frozen=True, slots=True)
class Logs:
    format: str
    level: str


@dataclass(frozen=True, slots=True)
class Settings:
    environment: str
    server: Server
    metrics: Metrics
    database: Database
    security: Security
    session: Session
    content: ContentFolder
    assessment: Assessment
    planning: Planning
    lrs: Lrs
    xapi: Xapi
    worker: Worker
    retention: Retention
    privacy: Privacy
    logs: Logs

    @property
    def development(self) -> bool:
        return self.environment == "development"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of this process.

    :raises SettingsError: anything is unknown, missing, of the wrong type or unsafe; lists all.
    """
    environ = os.environ if environ is None else environ
    problems: list[Problem] = []
    values = _read(DEFAULT_FILE, problems)
    sources = {key: str(DEFAULT_FILE) for key in _flat(values)}
    if override := environ.get("ROADMAP_CONFIG"):
        _merge(values, _read(Path(override), problems), override, sources)
    for path, raw, name in _from_environment(environ, problems):
        _put(values, path, raw)
        sources[".".join(path)] = name
    settings: Settings = _build(Settings, values, (), sources, problems)
    problems += _unsafe(settings, sources)
    if problems:
        raise SettingsError(problems)
    return settings


@lru_cache(maxsize=8)
def _on_loopback(base_url: str) -> bool:
    return is_loopback(urlsplit(base_url).hostname or "")


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _read(path: Path, problems: list[Problem]) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(Problem(str(path), f"cannot be read ({error.strerror})"))
    except UnicodeDecodeError:
        problems.append(Problem(str(path), "is not UTF-8 text"))
    except tomllib.TOMLDecodeError as error:
        problems.append(Problem(str(path), f"is not valid TOML: {error}"))
    return {}


def _merge(
    base: dict[str, Any], over: dict[str, Any], source: str, sources: dict[str, str]
) -> None:
    for key, value in _flat(over).items():
        _put(base, tuple(key.split(".")), value)
        sources[key] = source


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _put(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for part in path[:-1]:
        node = tree.get(part)
        if not isinstance(node, dict):
            node = tree[part] = {}
        tree = node
    tree[path[-1]] = value


def _from_environment(
    environ: Mapping[str, str], problems: list[Problem]
) -> list[tuple[tuple[str, ...], str, str]]:
    found = []
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX):
            continue
        key = name.removeprefix(PREFIX).lower()
        if key.endswith("_file"):
            try:
                value = Path(value).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                problems.append(Problem(name, "names a file that cannot be read"))
                continue
            key = key.removesuffix("_file")
        found.append((tuple(key.split("__")), value, name))
    return found


def _build(
    kind: type[Any],
    values: Mapping[str, Any],
    path: tuple[str, ...],
    sources: Mapping[str, str],
    problems: list[Problem],
) -> Any:
    hints = get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}
    for key in values.keys() - known.keys():
        dotted = ".".join((*path, key))
        where = sources.get(dotted, f"[{dotted}]")
        near = difflib.get_close_matches(key, known, n=1)
        meant = f"; is {'.'.join((*path, near[0]))} meant?" if near else ""
        problems.append(Problem(where, f"there is no setting {dotted}{meant}"))
    built: dict[str, Any] = {}
    for name, spec in known.items():
        here = (*path, name)
        value = values.get(name, MISSING)
        if is_dataclass(hints[name]):
            nested = value if isinstance(value, dict) else {}
            built[name] = _build(hints[name], nested, here, sources, problems)
        elif value is MISSING:
            if spec.default is MISSING:
                problems.append(Problem(".".join(here), "is missing"))
        else:
            built[name] = _convert(value, hints[name], here, sources, problems)
    # With problems the tree is half filled: it serves to find what else is wrong, and never leaves.
    return kind(**{name: built.get(name, spec.default) for name, spec in known.items()})


def _convert(
    value: Any,
    kind: Any,
    path: tuple[str, ...],
    sources: Mapping[str, str],
    problems: list[Problem],
) -> Any:
    dotted = ".".join(path)
    try:
        return _CONVERT[kind](value)
    except (ValueError, TypeError):
        where = sources.get(dotted, dotted)
        # The value itself is not shown: it may be a secret in the wrong place.
        problems.append(Problem(where, f"{dotted} must be {_EXPECTED[kind]}"))
        return None


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    word = str(value).strip().lower()
    if word not in words:
        raise ValueError
    return words[word]


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError
    return float(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    return int(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _folder(value: Any) -> Path:
    path = Path(_text(value))
    return path if path.is_absolute() else ROOT / path


def _file(value: Any) -> Path | None:
    return _folder(value) if value else None


def _networks(value: Any) -> tuple[Network, ...]:
    parts = value if isinstance(value, list) else _text(value).replace(",", " ").split()
    return tuple(ipaddress.ip_network(_text(part)) for part in parts)


_CONVERT: dict[Any, Callable[[Any], Any]] = {
    bool: _boolean,
    int: _whole,
    float: _number,
    str: _text,
    Path: _folder,
    Path | None: _file,
    tuple[Network, ...]: _networks,
}
_EXPECTED = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a folder",
    Path | None: "the path of a file",
    tuple[Network, ...]: 'networks such as "10.20.0.0/16"',
}


def _unsafe(settings: Settings, sources: Mapping[str, str]) -> list[Problem]:
    """Return what must not be run with, each with where it was set and the way out."""
    broken = ((key, said) for key, good, said in RULES if not _keeps(good, settings))
    return [Problem(key, said + _set_by(sources.get(key, ""))) for key, said in broken]


def _set_by(source: str) -> str:
    return "" if source in ("", str(DEFAULT_FILE)) else f" (set by {source})"


def _keeps(good: Callable[[Settings], bool], settings: Settings) -> bool:
    try:
        return good(settings)
    except (TypeError, AttributeError):
        return True  # missing or of the wrong type: has been said already


def _between(
    path: str, low: float, high: float, unit: str = ""
) -> tuple[str, Callable[[Settings], bool], str]:
    read = attrgetter(path)
    said = f"must be between {low:g} and {high:g} {unit}".rstrip()
    return path, lambda s: low <= read(s) <= high, said


#: Setting, what must hold, and what is said where it does not.
RULES: tuple[tuple[str, Callable[[Settings], bool], str], ...] = (
    (
        "environment",
        lambda s: s.environment in ("development", "production"),
        'must be "development" or "production"',
    ),
    (
        "environment",
        lambda s: s.server.loopback or not s.development,
        'must be "production" when base_url is not a loopback address',
    ),
    (
        "server.base_url",
        lambda s: _is_origin(s.server.base_url),
        "must be an origin such as https://roadmap.stadt.de, without path or trailing slash",
    ),
    (
        "server.base_url",
        lambda s: s.development or s.server.base_url != DEFAULT_ORIGIN,
        "is the default; set it to the https address by which browsers reach this service",
    ),
    (
        "server.base_url",
        lambda s: s.server.secure or s.server.loopback,
        "must be https: browsers send our cookies to secure origins only",
    ),
    _between("server.port", 1, 65535),
    _between("server.processes", 1, 64),
    _between("server.threads", 1, 64),
    _between("server.stop_s", 0, 600, "seconds"),
    _between("metrics.port", 0, 65535),
    _between("server.trusted_proxies", 0, 10),
    (
        "database.url",
        lambda s: s.database.url.startswith(("sqlite:///", "postgresql+psycopg://")),
        "must start with sqlite:/// or postgresql+psycopg://",
    ),
    _between("database.lock_timeout_s", 0.1, 300, "seconds"),
    _between("database.statement_timeout_s", 1, 3600, "seconds"),
    _between("database.slow_query_s", 0, 3600, "seconds"),
    _between("database.pool_size", 2, 200),
    (
        "security.secret_key",
        lambda s: s.development or s.security.secret_key != DEFAULT_SECRET,
        "is the default; set ROADMAP__SECURITY__SECRET_KEY (e.g. from `openssl rand -hex 32`)",
    ),
    (
        "security.secret_key",
        lambda s: len(s.security.secret_key) >= 32,
        "must have at least 32 characters",
    ),
    (
        "security.allow_local_http",
        lambda s: s.server.loopback or not s.security.allow_local_http,
        "is for development only: base_url must be a loopback address",
    ),
    (
        "security.intranet",
        lambda s: all(map(_is_private, s.security.intranet)),
        "must be private networks (RFC 1918, RFC 4193), never loopback or link-local ones",
    ),
    (
        "security.ca_bundle",
        lambda s: s.security.ca_bundle is None or s.security.ca_bundle.is_file(),
        "names a file that is not there",
    ),
    _between("security.refusals_per_minute", 1, 100_000),
    _between("security.max_body_bytes", 65_536, 64 << 20),
    _between("security.tool_key_days", 0, 3650),
    (
        "content.dir",
        lambda s: s.content.dir.is_dir(),
        "names a folder that is not there; the packs of this release are in content/",
    ),
    _between("session.idle_s", 60, 86_400, "seconds"),
    _between("session.absolute_s", 60, 86_400, "seconds"),
    _between("session.shared_idle_s", 60, 3600, "seconds"),
    _between("session.warning_s", 0, 3600, "seconds"),
    _between("session.staff_idle_s", 60, 86_400, "seconds"),
    _between("session.staff_absolute_s", 300, 86_400, "seconds"),
    (
        "assessment.max_items",
        lambda s: 1 <= s.assessment.min_items <= s.assessment.max_items <= 100,
        "must be between min_items and 100",
    ),
    _between("assessment.correlation_within", 0, 0.95),
    _between("assessment.correlation_between", 0, 0.95),
    _between("assessment.foreign_worth", 0, 1),
    _between("assessment.randomesque", 1, 20),
    _between("assessment.max_minutes", 0, 120),
    _between("assessment.exposure_cap", 0.01, 1),
    _between("planning.hours_per_month", 0.5, 80, "hours"),
    _between("lrs.page_size", 1, 1000),
    _between("lrs.poll_s", 0.1, 86_400, "seconds"),
    _between("lrs.overlap_s", 1, 86_400, "seconds"),
    _between("worker.poll_s", 0.05, 60, "seconds"),
    _between("worker.lease_s", 0.5, 300, "seconds"),
    _between("worker.backoff_s", 0.1, 3600, "seconds"),
    _between("worker.max_attempts", 1, 100),
    *(
        _between(f"retention.{kind.name}", 1, 3660, "days")
        for kind in fields(Retention)
        if kind.name != "recommendations"
    ),
    _between("retention.recommendations", 183, 3660, "days"),
    (
        "privacy.min_group_size",
        lambda s: s.privacy.min_group_size >= 5,
        "must be at least 5 (agreed floor)",
    ),
    ("logs.format", lambda s: s.logs.format in ("json", "console"), "must be json or console"),
    (
        "logs.level",
        lambda s: s.logs.level in ("DEBUG", "INFO", "WARNING", "ERROR"),
        "must be DEBUG, INFO, WARNING or ERROR",
    ),
)


_PRIVATE = [
    ipaddress.ip_network(net)
    for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
]


def _is_private(network: Network) -> bool:
    ends = (network.network_address, network.broadcast_address)
    return any(all(end in net for end in ends) for net in _PRIVATE)


def _is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    rest = parts.path + parts.query + parts.fragment + (parts.username or "")
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not rest
