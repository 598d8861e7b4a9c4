"""Settings: one frozen tree, parsed once; one error lists everything that is wrong.

Order: config/default.toml < the file named by ROADMAP_CONFIG < environment
ROADMAP__SECTION__KEY (also …_FILE, for secrets). Types come from the fields below.
"""

import ipaddress
import os
import tomllib
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

from lti_tool.errors import Problem, SettingsError

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_FILE = ROOT / "config" / "default.toml"
DEFAULT_SECRET = "development-only-secret-key-change-me"  # noqa: S105  (refused outside development)
PREFIX = "ROADMAP__"


@dataclass(frozen=True, slots=True)
class Server:
    base_url: str
    host: str
    port: int
    threads: int
    trusted_proxies: int

    @property
    def loopback(self) -> bool:
        host = urlsplit(self.base_url).hostname or ""
        return is_loopback(host)

    @property
    def secure(self) -> bool:
        return self.base_url.startswith("https://")


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
    max_body_bytes: int


@dataclass(frozen=True, slots=True)
class Session:
    idle_s: int
    absolute_s: int
    warning_s: int


@dataclass(frozen=True, slots=True)
class ContentFolder:
    dir: Path


@dataclass(frozen=True, slots=True)
class Assessment:
    max_items: int
    min_items: int
    correlation_within: float
    correlation_between: float


@dataclass(frozen=True, slots=True)
class Planning:
    hours_per_month: float


@dataclass(frozen=True, slots=True)
class Lrs:
    page_size: int
    poll_s: float
    overlap_s: float


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


@dataclass(frozen=True, slots=True)
class Privacy:
    min_group_size: int


@dataclass(frozen=True, slots=True)
class Logs:
    format: str
    level: str


@dataclass(frozen=True, slots=True)
class Settings:
    environment: str
    server: Server
    database: Database
    security: Security
    session: Session
    content: ContentFolder
    assessment: Assessment
    planning: Planning
    lrs: Lrs
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
    if not problems:
        problems += _unsafe(settings)
    if problems:
        raise SettingsError(problems)
    return settings


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
        problems.append(Problem(where, f"there is no setting {dotted}"))
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
    if problems:
        # Never construct a half-filled tree; the caller raises with everything that is wrong.
        return types.SimpleNamespace(**built)
    return kind(**built)


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


_CONVERT: dict[Any, Callable[[Any], Any]] = {
    bool: _boolean,
    int: _whole,
    float: _number,
    str: _text,
    Path: _folder,
}
_EXPECTED = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a folder",
}


def _unsafe(settings: Settings) -> list[Problem]:
    """Return what must not be run with, each with the way out."""
    server, security = settings.server, settings.security
    found: list[tuple[bool, str, str]] = [
        (
            settings.environment not in ("development", "production"),
            "environment",
            'must be "development" or "production"',
        ),
        (
            not _is_origin(server.base_url),
            "server.base_url",
            "must be an origin such as https://roadmap.stadt.de, without path or trailing slash",
        ),
        (not 0 < server.port < 65536, "server.port", "must be between 1 and 65535"),
        (not 0 < server.threads <= 64, "server.threads", "must be between 1 and 64"),
        (
            not settings.development and security.secret_key == DEFAULT_SECRET,
            "security.secret_key",
            "is the default; set ROADMAP__SECURITY__SECRET_KEY (e.g. from `openssl rand -hex 32`)",
        ),
        (len(security.secret_key) < 32, "security.secret_key", "must have at least 32 characters"),
        (
            security.allow_local_http and not server.loopback,
            "security.allow_local_http",
            "is for development only: base_url must be a loopback address",
        ),
        (
            settings.development and not server.loopback,
            "environment",
            'must be "production" when base_url is not a loopback address',
        ),
        (
            not server.secure and not server.loopback,
            "server.base_url",
            "must be https: browsers send our cookies to secure origins only",
        ),
        (
            settings.privacy.min_group_size < 5,
            "privacy.min_group_size",
            "must be at least 5 (agreed floor)",
        ),
        (
            not settings.database.url.startswith(("sqlite:///", "postgresql+psycopg://")),
            "database.url",
            "must start with sqlite:/// or postgresql+psycopg://",
        ),
        (
            settings.retention.recommendations < 183,
            "retention.recommendations",
            "at least 183 days",
        ),
        (settings.logs.format not in ("json", "console"), "logs.format", "must be json or console"),
        (
            not 1 <= settings.assessment.min_items <= settings.assessment.max_items <= 100,
            "assessment.max_items",
            "must be between min_items and 100",
        ),
        (not 1 <= settings.lrs.page_size <= 1000, "lrs.page_size", "must be between 1 and 1000"),
    ]
    return [Problem(where, message) for wrong, where, message in found if wrong]


def _is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    rest = parts.path + parts.query + parts.fragment + (parts.username or "")
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not rest
