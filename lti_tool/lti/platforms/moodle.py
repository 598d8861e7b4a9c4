"""Moodle 4.x (reference/moodle.md): fixed paths below its site address, tokens live 60 s."""

from dataclasses import dataclass

LEEWAY_S = 10.0


@dataclass(frozen=True, slots=True)
class Endpoints:
    auth_url: str
    token_url: str
    jwks_url: str


def endpoints(wwwroot: str) -> Endpoints:
    """Return Moodle's addresses for the site address, which is also its issuer."""
    root = wwwroot.rstrip("/")
    return Endpoints(
        f"{root}/mod/lti/auth.php", f"{root}/mod/lti/token.php", f"{root}/mod/lti/certs.php"
    )
