"""A platform's public keys: which entries of its set we rely on, and a cache that outlives outages.

Fresh for 1 h; an unknown kid causes one more fetch, at most one per 30 s and address; good keys
keep working for 24 h when the platform's server is down; one fetch at a time per address, whose
waiters share its result. The last good set lies on a shelf that all workers share.
Source: RFC 7517, reference/lti.md rules 10 and 11, decisions.md 4.9.
"""

import json
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from lti_tool.lti.outbound import Answer, Outbound, Unreachable
from lti_tool.lti.refusal import Code, Refused
from lti_tool.ports import ShelvedKeys

FRESH = timedelta(hours=1)
LAST_GOOD = timedelta(hours=24)
RETRY = timedelta(seconds=30)
WAIT_S = 3.0
_BITS = range(2048, 8193)

Entry = Mapping[str, str]  # kid, n, e: what we keep of a JWK


class KeySetBroken(Exception):
    """The answer is not a usable key set: an outage, not an empty set."""


class Shelf(Protocol):
    """Where workers share key sets (store.keys)."""

    def look(self, url: str) -> ShelvedKeys | None: ...

    def put(self, url: str, entries: tuple[Entry, ...], now: datetime) -> None: ...

    def claim(self, url: str, before: datetime, now: datetime) -> bool:
        """Note a try at `now` if the last one was not after `before`; True for one caller only."""
        ...


@dataclass(frozen=True, slots=True)
class _Flight:
    """The last fetch of an address by this process."""

    number: int = 0
    down: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    keys: Mapping[str, RSAPublicKey]
    fetched: datetime


class PlatformKeys:
    """Keys by address and kid, for all threads of a process."""

    def __init__(self, outbound: Outbound, shelf: Shelf) -> None:
        self._outbound = outbound
        self._shelf = shelf
        self._known: dict[str, _Known] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._flights: dict[str, _Flight] = {}

    def known(self, url: str, kid: str, now: datetime) -> RSAPublicKey | None:
        """Return a key that is fresh in this process."""
        known = self._known.get(url)
        return known.keys.get(kid) if known and now - known.fetched < FRESH else None

    def key(self, url: str, kid: str, now: datetime) -> RSAPublicKey:
        """Return the key a platform publishes under this kid. May fetch.

        :raises Refused: the platform does not publish it, or its server gives no usable set.
        """
        if key := self.known(url, kid, now):
            return key
        # Whoever waited for somebody else's fetch takes its result instead of fetching again.
        before = self._flights.get(url, _Flight())
        with self._locks.setdefault(url, threading.Lock()):
            known = self._from_shelf(url)
            if known and kid in known.keys and now - known.fetched < FRESH:
                return known.keys[kid]
            flight = self._flights.get(url, _Flight())
            if flight.number != before.number:
                return _pick(known, kid, now, down=flight.down)
            return self._refreshed(url, kid, known, now)

    def _refreshed(self, url: str, kid: str, known: _Known | None, now: datetime) -> RSAPublicKey:
        # Without any good key each launch may try again (K02); with one, a dead server is asked
        # every 30 s only, and an unknown kid as rarely.
        good = known is not None and now - known.fetched < LAST_GOOD
        if known and good and not self._shelf.claim(url, now - RETRY, now):
            known = known if kid in known.keys else self._of_other_worker(url, known, now)
            return _pick(known, kid, now, down=False)
        down = False
        try:
            known = self._fetch(url, now)
        except (Unreachable, KeySetBroken):
            down = True
        self._flights[url] = _Flight(self._flights.get(url, _Flight()).number + 1, down)
        return _pick(known, kid, now, down=down)

    def _of_other_worker(self, url: str, known: _Known, now: datetime) -> _Known:
        """Return the set that another worker is fetching at this moment, waiting for it shortly:
        else the first launches after a rotation fail on all workers but one."""
        give_up = time.monotonic() + WAIT_S
        while time.monotonic() < give_up:
            shelved = self._shelf.look(url)
            tried = shelved.tried if shelved else None
            if not tried or tried <= known.fetched or now - tried > timedelta(seconds=WAIT_S):
                break
            time.sleep(0.05)
            known = self._from_shelf(url) or known
        return known

    def _from_shelf(self, url: str) -> _Known | None:
        """Return what this process or any other knows; newer sets of others replace ours."""
        shelved = self._shelf.look(url)
        known = self._known.get(url)
        if shelved and shelved.fetched and (known is None or known.fetched < shelved.fetched):
            known = self._known[url] = _Known(_keys(shelved.entries), shelved.fetched)
        return known

    def _fetch(self, url: str, now: datetime) -> _Known:
        entries = usable_entries(self._outbound.get(url, accept="application/json"))
        self._shelf.put(url, entries, now)
        known = self._known[url] = _Known(_keys(entries), now)
        return known


def _pick(known: _Known | None, kid: str, now: datetime, *, down: bool) -> RSAPublicKey:
    if known is None or now - known.fetched >= LAST_GOOD:
        raise Refused(Code.KEYS_UNREACHABLE)
    if kid in known.keys:
        return known.keys[kid]
    raise Refused(Code.KEYS_UNREACHABLE if down else Code.KID_UNKNOWN)


def usable_entries(answer: Answer) -> tuple[Entry, ...]:
    """Return what we keep of a key set; entries we cannot rely on are skipped, never fatal.

    :raises KeySetBroken: not 200, not a key set, or without one usable key.
    """
    if answer.status != 200:
        raise KeySetBroken
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise KeySetBroken from None
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise KeySetBroken
    usable = [entry for jwk in listed if (entry := _entry(jwk))]
    unique = [e for e in usable if all(o == e for o in usable if o["kid"] == e["kid"])]
    if not unique:
        raise KeySetBroken
    return tuple({e["kid"]: e for e in unique}.values())


def _entry(jwk: object) -> Entry | None:
    """Return kid, n and e of an RS256 signing key, or None if any property speaks against it."""
    if not isinstance(jwk, dict) or jwk.get("kty") != "RSA" or "d" in jwk:
        return None  # a key whose private part is published proves nothing
    if jwk.get("use", "sig") != "sig" or jwk.get("alg", "RS256") != "RS256":
        return None
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    entry = {name: v for name in ("kid", "n", "e") if isinstance(v := jwk.get(name), str) and v}
    if len(entry) < 3 or len(entry["kid"]) > 255 or not entry["kid"].isprintable():
        return None
    try:
        _key(entry)
    except ValueError:
        return None
    return entry


def _keys(entries: tuple[Entry, ...]) -> Mapping[str, RSAPublicKey]:
    return {entry["kid"]: _key(entry) for entry in entries}


def _key(entry: Entry) -> RSAPublicKey:
    """:raises ValueError: not base64url numbers of an RSA key of 2048 to 8192 bits."""
    n, e = _number(entry["n"]), _number(entry["e"])
    if n.bit_length() not in _BITS or e.bit_length() > 64:
        raise ValueError
    return RSAPublicNumbers(e, n).public_key()


def _number(text: str) -> int:
    if len(text) > 2048:
        raise ValueError
    return int.from_bytes(urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)))
