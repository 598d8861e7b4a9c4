"""The tool's public keys, fetched from its key set URL and kept until an unknown kid comes."""

import threading
from typing import Any

import jwt
import requests


class NoSuchKey(LookupError):
    """The tool publishes no key of this name, or its key set cannot be read."""


class ToolKeys:
    """Keeps the key set; safe to share between threads."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._keys: dict[str, jwt.PyJWK] = {}
        self._lock = threading.Lock()

    def find(self, kid: str) -> jwt.PyJWK:
        """Return the key; fetches the set when it is not known. :raises NoSuchKey:"""
        with self._lock:
            if kid not in self._keys:
                self._keys = self._fetch()
            if kid not in self._keys:
                raise NoSuchKey(kid)
            return self._keys[kid]

    def _fetch(self) -> dict[str, jwt.PyJWK]:
        try:
            answer = requests.get(self._url, timeout=self._timeout_s, allow_redirects=False)
            answer.raise_for_status()
            return _keys(answer.json())
        except (requests.RequestException, ValueError, jwt.PyJWTError) as error:
            raise NoSuchKey(str(error)) from error


def _keys(document: dict[str, Any]) -> dict[str, jwt.PyJWK]:
    found = jwt.PyJWKSet.from_dict(document).keys
    return {key.key_id: key for key in found if key.key_id and key.key_type == "RSA"}
