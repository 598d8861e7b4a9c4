"""Sealing what must be readable again, and keyed digests for what must only be found again.

Two keys are derived from the secret key (HKDF), so that a digest never helps to open a seal.
Source: domain/law.md L14 (pseudonymisation), decision 1 (names and identities).
"""

import base64
import hmac

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from lti_tool.errors import RoadmapError


class SealBroken(RoadmapError):
    """A sealed value cannot be opened: the secret key is not the one it was sealed with."""


class Seal:
    """Seals text with the service's key; `repr` shows nothing."""

    def __init__(self, secret_key: str) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(_derive(secret_key, b"seal")))
        self._keyed = hmac.new(_derive(secret_key, b"digest"), digestmod="sha256")

    def __repr__(self) -> str:
        return "Seal(…)"

    def seal(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise SealBroken(
                "A sealed value cannot be opened.",
                remedy="Is security.secret_key the one this database was set up with?",
            ) from None

    def digest(self, *parts: str | bytes) -> str:
        """Return a keyed hex digest of the parts; ("a", "b") and ("ab",) differ."""
        found = self._keyed.copy()
        for part in parts:
            data = part if isinstance(part, bytes) else part.encode()
            found.update(len(data).to_bytes(8, "big") + data)
        return found.hexdigest()


def _derive(secret_key: str, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, b"roadmap-lti", purpose).derive(secret_key.encode())
