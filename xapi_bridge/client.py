"""Transport to one LRS, with requests and nothing of xAPI but its headers and addresses.

One session per store (pooled, compressed), timeouts everywhere, no redirects, a cap on what is
read, credentials only to the store's own origin. Waits as long as the store asks, but not longer
than `patience_s` in one go: then StoreBusy says how long, and the caller decides.
"""

import base64
import contextlib
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
from xapi_bridge.ports import Fetched, Sleep

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 4.0, 45.0
LARGEST_ANSWER_BYTES = 256 << 20
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 300.0
MOST_TRIES = 8
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

    def __post_init__(self) -> None:
        self.endpoint = self.endpoint.rstrip("/")
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

    def first(self, since_us: int | None, limit: int) -> Fetched:
        params = {"ascending": "true", "limit": str(max(1, limit))}
        if since_us is not None:
            params["since"] = text_of(since_us)
        return self._fetched(self._ask("GET", f"{self.endpoint}/statements", params=params))

    def next(self, more: str) -> Fetched:
        url = urljoin(f"{self.endpoint}/", more)
        if _origin(url) != _origin(self.endpoint):
            raise ForeignMore(
                "The store's link to the next page leads to another server.",
                remedy="Our credentials do not follow. Is the endpoint the one the store uses?",
            )
        try:
            return self._fetched(self._ask("GET", url))
        except RequestRefused as error:
            if error.status in (400, 404, 410):
                raise MoreExpired("The store no longer knows its link to the next page.") from None
            raise

    def statements(self, params: Mapping[str, str]) -> Json:
        """Return the parsed answer to a query."""
        return _json(self._ask("GET", f"{self.endpoint}/statements", params=params).body)

    def about(self) -> Json:
        return _json(self._ask("GET", f"{self.endpoint}/about").body)

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
    ) -> "_Answer":
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
    ) -> "_Answer":
        headers = {"X-Experience-API-Version": VERSION, "Accept": "application/json", **condition}
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
                return _Answer(self._read(response), response.headers)
        except requests.RequestException as error:
            raise _unreachable(error) from None

    def _read(self, response: requests.Response) -> bytes:
        parts, size = [], 0
        for part in response.iter_content(1 << 16):
            size += len(part)
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

    def _fetched(self, answer: "_Answer") -> Fetched:
        through = answer.headers.get("X-Experience-API-Consistent-Through", "")
        with contextlib.suppress(ValueError):
            return Fetched(answer.body, instant_us(through)[0])
        return Fetched(answer.body)


def _unreachable(error: requests.RequestException) -> StoreUnreachable:
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
class _Answer:
    body: bytes
    headers: Mapping[str, str]


def _judge(response: requests.Response) -> None:
    """Raise what a status means; 2xx is fine."""
    status = response.status_code
    if 200 <= status < 300:
        return
    if status in (429, 502, 503, 504):
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
    """Return seconds; the header holds seconds or a date."""
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _wait(error: StoreBusy | StoreUnreachable, attempt: int) -> float:
    """Return how long to wait: what was asked for, or doubling with jitter."""
    if isinstance(error, StoreBusy) and error.wait_s is not None:
        return min(error.wait_s, LONGEST_WAIT_S)
    jitter: Callable[[], float] = random.random
    return min(FIRST_WAIT_S * 2.0**attempt, LONGEST_WAIT_S) * (0.5 + 0.5 * jitter())


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
