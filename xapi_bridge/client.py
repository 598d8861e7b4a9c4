"""Transport to one LRS, with requests and nothing of xAPI but its headers and addresses.

One session per store (pooled, compressed), timeouts everywhere, no redirects, a cap on what is
read and on how long that takes, credentials only to the store's own origin. Waits as long as the
store asks, but not longer than `patience_s` in one go: then StoreBusy says how long, and the caller
decides.
"""

import base64
import random
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import orjson
import requests
import urllib3

from xapi_bridge.documents import AGENT_PROFILE
from xapi_bridge.errors import (
    BridgeError,
    CredentialsRefused,
    ForeignMore,
    MoreExpired,
    RequestRefused,
    ResponseTooLarge,
    StatementConflict,
    StoreBusy,
    StoreUnreachable,
)
from xapi_bridge.instants import instant_us, text_of
from xapi_bridge.ports import Fetched, Query, Sleep
from xapi_bridge.statement import Statement, parse_answer

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 4.0, 45.0
LONGEST_ANSWER_S = 300.0  # from its first byte to the last: a trickle ends some time
LARGEST_ANSWER_BYTES = 256 << 20
AT_ONCE_BYTES = 1 << 18
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 300.0
AT_ONCE_S = 0.05  # "now" still means not in the same instant
MOST_TRIES = 8
#: What stores say to a link to the next page that they have forgotten (Ralph: 422, 500).
GONE = (400, 404, 410, 422, 500)
NOT_THERE = (400, 404)
BUSY = (408, 429, 502, 503, 504)
MOST_WRAPS = 8  # an error inside an error inside …
VERSION = "1.0.3"

Json = Any


@dataclass
class Client:
    """A connection to one store. Implements ports.StatementSource and ports.StatementSink."""

    endpoint: str
    key: str
    secret: str
    patience_s: float = 5.0
    largest_bytes: int = LARGEST_ANSWER_BYTES
    sleep: Sleep = time.sleep
    read_timeout_s: float = READ_TIMEOUT_S
    longest_s: float = LONGEST_ANSWER_S
    version: str = VERSION  # of xAPI, said with every request

    def __post_init__(self) -> None:
        self.endpoint = self.endpoint.rstrip("/")
        self._prefixed = False  # the store does not know the path below which it stands
        self._session = requests.Session()
        # A callable keeps .netrc and the environment from putting other credentials in.
        self._session.auth = self._sign

    def __repr__(self) -> str:
        return f"Client({self.endpoint})"

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()

    def first(self, since_us: int | None, limit: int, query: Query | None = None) -> Fetched:
        params = {"ascending": "true", "limit": str(max(1, limit)), **(query or {})}
        if since_us is not None:
            params["since"] = text_of(since_us)
        return self.get("statements", params).fetched()

    def next(self, more: str) -> Fetched:
        url = _joined(self.endpoint, more)
        if url is None or _origin(url) != _origin(self.endpoint):
            raise ForeignMore(
                "The store's link to the next page leads to another server.",
                remedy="Our credentials do not follow. Is the endpoint the one the store uses?",
            )
        below = _below(self.endpoint, url)
        try:
            if below is None:
                return self._ask("GET", url).fetched()
            return self._beside_or_below(url, below)
        except RequestRefused as error:
            if error.status in GONE:
                raise MoreExpired("The store no longer knows its link to the next page.") from None
            raise

    def _beside_or_below(self, url: str, below: str) -> Fetched:
        """Follow a link that leaves the endpoint's path; what worked is tried first from then on.

        A store behind a path prefix (a proxy strips /lrs) names its path without it.
        """
        first, second = (below, url) if self._prefixed else (url, below)
        try:
            return self._ask("GET", first).fetched()
        except RequestRefused as error:
            if error.status not in GONE:
                raise
        found = self._ask("GET", second).fetched()
        self._prefixed = second == below
        return found

    def get(self, path: str, params: Mapping[str, str]) -> "Answer":
        """Return the answer of a resource below the endpoint."""
        return self._ask("GET", f"{self.endpoint}/{path}", params=params)

    def statements(self, params: Mapping[str, str]) -> Json:
        """Return the parsed answer to a query."""
        return _json(self.get("statements", params).body)

    def ids(self, query: Mapping[str, str]) -> set[str]:
        """Return the ids in the answer to a query; none where the store says 404."""
        try:
            body = self.get("statements", query).body
        except RequestRefused as error:
            if error.status in NOT_THERE:
                return set()
            raise
        return {e.id for e in parse_answer(body) if isinstance(e, Statement)}

    def about(self) -> Json:
        return _json(self.get("about", {}).body)

    def send(self, statements: Sequence[Mapping[str, Json]]) -> None:
        """Store statements that carry their ids; sending them twice is harmless.

        A store takes a batch or refuses it as a whole, so after a refusal each goes alone and the
        good ones arrive.

        :raises StatementConflict: another statement is stored under an id of ours.
        """
        if not statements:
            return
        url = f"{self.endpoint}/statements"
        try:
            self._ask("POST", url, body=orjson.dumps(list(statements)))
        except (StatementConflict, RequestRefused):
            self._send_singly(url, statements)

    def document(
        self,
        method: str,
        where: Mapping[str, str],
        body: bytes | None,
        condition: Mapping[str, str],
    ) -> tuple[bytes, str]:
        """Read, write or delete an agent profile document; return its bytes and ETag."""
        url = f"{self.endpoint}/{AGENT_PROFILE}"
        answer = self._ask(method, url, params=where, body=body, condition=condition)
        return answer.body, answer.headers.get("ETag", "")

    def offer_nothing(self) -> None:
        """Ask to store an empty list: what the store says to that tells what our key may do."""
        self._ask("POST", f"{self.endpoint}/statements", body=b"[]")

    def _send_singly(self, url: str, statements: Sequence[Mapping[str, Json]]) -> None:
        refused: BridgeError | None = None
        for statement in statements:
            try:
                params = {"statementId": str(statement["id"])}
                self._ask("PUT", url, params=params, body=orjson.dumps(statement))
            except (StatementConflict, RequestRefused) as error:
                refused = refused or error
        if refused is not None:
            raise refused

    def _ask(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        condition: Mapping[str, str] | None = None,
    ) -> "Answer":
        """Send once, and again while the store is busy and our patience lasts."""
        left = self.patience_s
        for attempt in range(MOST_TRIES):
            try:
                return self._once(method, url, params, body, condition or {})
            except (StoreBusy, StoreUnreachable) as error:
                wait = _wait(error, attempt)
                if wait > left or attempt + 1 == MOST_TRIES:
                    raise
                left -= wait
                self.sleep(wait)
        raise AssertionError("unreachable")

    def _once(
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None,
        body: bytes | None,
        condition: Mapping[str, str],
    ) -> "Answer":
        said = {"X-Experience-API-Version": self.version, "Accept": "application/json"}
        headers = {**said, **condition}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            with self._session.request(
                method,
                url,
                params=params,
                data=body,
                headers=headers,
                timeout=(CONNECT_TIMEOUT_S, self.read_timeout_s),
                allow_redirects=False,
                stream=True,
            ) as response:
                _judge(response)
                return Answer(self._read(response), response.headers)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _unreachable(error) from None

    def _read(self, response: requests.Response) -> bytes:
        """Return the body. What is unpacked at once is bounded, so a few bytes cannot fill us."""
        parts, size, until = [], 0, time.monotonic() + self.longest_s
        while part := response.raw.read1(AT_ONCE_BYTES, decode_content=True):
            size += len(part)
            if time.monotonic() > until:
                raise StoreUnreachable(
                    f"The store's answer takes longer than {self.longest_s:.0f} s.",
                    remedy="Is the store overloaded, or the network?",
                )
            if size > self.largest_bytes:
                raise ResponseTooLarge(
                    f"An answer is larger than {self.largest_bytes >> 20} MiB.",
                    remedy="Use a smaller page size (lrs.page_size).",
                )
            parts.append(part)
        return b"".join(parts)

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # Stores read the credentials as UTF-8; requests would send Latin-1.
        token = base64.b64encode(f"{self.key}:{self.secret}".encode()).decode()
        request.headers["Authorization"] = f"Basic {token}"
        return request


def _instant(text: str) -> int | None:
    try:
        return instant_us(text)[0]
    except (ValueError, OverflowError):
        return None


def _date(text: str) -> int | None:
    """Return a date of HTTP in microseconds; some say it in other words, some not at all."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp()) * 1_000_000


def _unreachable(error: Exception) -> StoreUnreachable:
    cause = _certificate_error(error)
    if cause is not None:
        return StoreUnreachable(
            f"The store's TLS certificate is not accepted: {cause.verify_message}.",
            remedy="It has to be renewed, or its authority named (REQUESTS_CA_BUNDLE).",
        )
    return StoreUnreachable(
        f"The store does not answer ({type(error).__name__}).",
        remedy="Is its address right, and is it running?",
    )


def _certificate_error(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """Return the reason TLS gave; requests and urllib3 wrap it, partly as an argument."""
    for _ in range(MOST_WRAPS):
        if error is None or isinstance(error, ssl.SSLCertVerificationError):
            return error
        wrapped = (getattr(error, "reason", None), error.__cause__, error.__context__, *error.args)
        error = next((inner for inner in wrapped if isinstance(inner, BaseException)), None)
    return None


@dataclass(frozen=True, slots=True)
class Answer:
    body: bytes
    headers: Mapping[str, str]

    def fetched(self) -> Fetched:
        headers = self.headers
        return Fetched(
            self.body,
            _instant(headers.get("X-Experience-API-Consistent-Through", "")),
            _date(headers.get("Date", "")),
            headers.get("X-Experience-API-Version", ""),
        )


def _judge(response: requests.Response) -> None:
    """Raise what a status means; 2xx is fine."""
    status = response.status_code
    if 200 <= status < 300:
        return
    if status in BUSY:
        wait = _retry_after(response.headers.get("Retry-After", ""))
        raise StoreBusy(f"The store asks us to wait ({status}).", wait_s=wait)
    if status in (401, 403):
        raise CredentialsRefused(
            f"The store refuses our key ({status}).",
            remedy="Check key and secret, and that the key may read and write statements.",
        )
    if status == 409:
        raise StatementConflict("The store holds another statement under an id of ours (409).")
    raise RequestRefused(f"The store refuses a request ({status}).", status=status)


def _retry_after(text: str) -> float | None:
    """Return seconds; the header holds seconds or a date. A date that is over says nothing."""
    if text.strip().isdecimal():
        return float(text)
    date_us = _date(text)
    wait_s = 0.0 if date_us is None else date_us / 1e6 - datetime.now(UTC).timestamp()
    return wait_s if wait_s > 0.0 else None


def _wait(error: StoreBusy | StoreUnreachable, attempt: int) -> float:
    """Return how long to wait: what was asked for, or doubling with jitter."""
    if isinstance(error, StoreBusy) and error.wait_s:
        return error.wait_s
    first = FIRST_WAIT_S if getattr(error, "wait_s", None) is None else AT_ONCE_S
    jitter: Callable[[], float] = random.random
    return min(first * 2.0**attempt, LONGEST_WAIT_S) * (0.5 + 0.5 * jitter())


def _joined(endpoint: str, more: str) -> str | None:
    """Return the address of the next page; None: it is none."""
    try:
        url = urljoin(f"{endpoint}/", more)
        _origin(url)
    except ValueError:
        return None
    return url


def _below(endpoint: str, url: str) -> str | None:
    """Return where a link to statements leads if it is meant below the endpoint; None: it is."""
    there = urlsplit(url)
    if there.path.startswith(f"{urlsplit(endpoint).path}/") or "/statements" not in there.path:
        return None
    rest = there.path.rpartition("/statements")[2]
    return f"{endpoint}/statements{rest}" + (f"?{there.query}" if there.query else "")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, port


def _json(body: bytes) -> Json:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise RequestRefused(
            "The store answers something that is not JSON.",
            status=200,
            remedy="Is this the address of its xAPI endpoint?",
        ) from None
