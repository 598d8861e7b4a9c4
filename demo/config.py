"""Settings and secrets of the demo LMS, and the files it hands to the tool's operator.

DATA/config.json keeps what must survive a restart (client id, keys for the LRS, plan token); it is
made at the first start. DATA/connection.json and DATA/activities.csv are what an administrator
would copy from Moodle's settings into the tool. All three are readable by their owner only.
"""

import csv
import io
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from demo import world

FILE_MODE = 0o600


@dataclass(frozen=True, slots=True)
class Secrets:
    """What is made once and kept: identifiers Moodle would show, and secrets."""

    client_id: str
    deployment_id: str
    plan_token: str
    lrs_key: str
    lrs_secret: str
    lrs_read_key: str
    lrs_read_secret: str
    session_key: str
    guid: str

    def __repr__(self) -> str:
        return f"Secrets(client_id={self.client_id!r}, …)"


@dataclass(frozen=True, slots=True)
class Config:
    """One demo LMS: where it is reached, which tool and which LRS it knows."""

    data: Path
    base_url: str
    tool: str
    lrs: str
    secrets: Secrets
    share_names: bool = True
    test_mode: bool = False
    cron_s: float = 1.0
    timeout_s: float = 3.0

    @property
    def issuer(self) -> str:
        return self.base_url

    @property
    def login_url(self) -> str:
        return f"{self.tool}/lti/login"

    @property
    def redirect_uris(self) -> tuple[str, ...]:
        return (f"{self.tool}/lti/launch",)

    @property
    def tool_jwks_url(self) -> str:
        return f"{self.tool}/lti/jwks"

    @property
    def token_url(self) -> str:
        return f"{self.base_url}/mod/lti/token.php"


def configure(
    data: Path,
    *,
    base_url: str,
    tool: str,
    lrs: str = "",
    share_names: bool = True,
    test_mode: bool = False,
    cron_s: float = 1.0,
    timeout_s: float = 3.0,
) -> Config:
    """Return the settings of a data folder, making secrets and hand-over files where missing."""
    data.mkdir(parents=True, exist_ok=True)
    tool = tool.rstrip("/")
    config = Config(
        data=data,
        base_url=base_url.rstrip("/"),
        tool=tool,
        lrs=(lrs or f"{tool}/xapi").rstrip("/"),
        secrets=_secrets(data / "config.json"),
        share_names=share_names,
        test_mode=test_mode,
        cron_s=cron_s,
        timeout_s=timeout_s,
    )
    _hand_over(config)
    return config


def _secrets(path: Path) -> Secrets:
    if path.exists():
        return Secrets(**json.loads(path.read_text(encoding="utf-8")))
    made = Secrets(
        client_id=secrets.token_hex(8)[:15],
        deployment_id="1",
        plan_token=secrets.token_hex(16),
        lrs_key=f"demo-lms-{secrets.token_hex(4)}",
        lrs_secret=secrets.token_urlsafe(24),
        lrs_read_key=f"demo-lms-read-{secrets.token_hex(4)}",
        lrs_read_secret=secrets.token_urlsafe(24),
        session_key=secrets.token_hex(32),
        guid=secrets.token_hex(16),
    )
    write_atomic(path, json.dumps(asdict(made), indent=1))
    return made


def _hand_over(config: Config) -> None:
    write_atomic(config.data / "connection.json", json.dumps(connection(config), indent=1))
    write_atomic(config.data / "activities.csv", activities_csv(config.base_url))


def connection(config: Config) -> dict[str, str]:
    """Return what the tool's operator needs to register this platform and its LRS senders."""
    kept = config.secrets
    return {
        "name": "Demo-LMS Musterstadt",
        "kind": "moodle",
        "issuer": config.issuer,
        "client_id": kept.client_id,
        "deployment_id": kept.deployment_id,
        "auth_url": f"{config.base_url}/mod/lti/auth.php",
        "token_url": config.token_url,
        "jwks_url": f"{config.base_url}/mod/lti/certs.php",
        "plan_url": f"{config.base_url}/webservice/rest/server.php",
        "plan_token": kept.plan_token,
        "lrs_endpoint": config.lrs,
        "lrs_key": kept.lrs_key,
        "lrs_secret": kept.lrs_secret,
        "lrs_read_key": kept.lrs_read_key,
        "lrs_read_secret": kept.lrs_read_secret,
    }


def activities_csv(base_url: str) -> str:
    """Return the mapping table LMS activity -> Lerneinheit, in the tool's import format."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(("activity_iri", "unit"))
    for course in world.load().courses:
        table.writerows((base_url + a.path, a.unit) for a in course.activities)
    return out.getvalue()


def write_atomic(path: Path, text: str) -> None:
    """Write a file that only its owner may read; a reader sees the old text or the new, whole."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
