"""A platform's services, called with our own key: access tokens, and scores (AGS 2.0).

Used by the outbox, so every failure says whether trying again can help (`DeliveryFailed.retry`).
No answer's body is ever quoted: Moodle repeats the posted score in its error text.
Source: IMS Security Framework 1.0 section 4.1 (RFC 7523), AGS 2.0 section 3.4, reference/lti.md
rules 18 and 19, reference/moodle.md 4, reference/ilias.md 5.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlencode

import jwt

from lti_tool.lti import scopes as scopes_known
from lti_tool.lti.adapter import no_score_body, score_body
from lti_tool.lti.addresses import with_path_suffix
from lti_tool.lti.outbound import Answer, Outbound, Unreachable
from lti_tool.lti.platforms import token_failure
from lti_tool.ports import AccessToken, DeliveryFailed, Platform, ToolKey

SCORE_SCOPE = scopes_known.SCORE
SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_RENEW = timedelta(seconds=60)
_ASSERTION_LIFE = timedelta(minutes=5)
_SHORT_LIFE_S = 300.0  # for a platform that does not say how long its token lives
_LATER = (408, 425, 429)


class PlatformSilent(DeliveryFailed):
    """No usable answer, or a server error: later it may work."""

    def __init__(self, what: str, wait_s: float | None = None) -> None:
        super().__init__(what, retry=True, wait_s=wait_s)


class TokenRefused(DeliveryFailed):
    """The platform does not give us a token: its administrator has to look.

    It may heal by itself: Moodle says 400, too, while it cannot fetch our key set.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"The platform refused an access token (status {status}).", retry=True)
        self.remedy = "Are client id, token URL and our keyset URL right in both places?"


class ScoreRefused(DeliveryFailed):
    """The platform does not take this score, now or later."""

    def __init__(self, status: int) -> None:
        super().__init__(f"The platform refused a score (status {status}).", retry=False)
        self.remedy = "Is the person still a learner of the course, and are grades switched on?"


class LineItemGone(DeliveryFailed):
    """The line item was deleted in the course."""

    def __init__(self) -> None:
        super().__init__("The line item does not exist any more.", retry=False)
        self.remedy = "Opening the activity again names the new one."


class ScoreStays(DeliveryFailed):
    """A score is not taken back, because the grade book has a later one than ours."""

    def __init__(self) -> None:
        super().__init__("The grade book has a later score than ours.", retry=True)
        self.remedy = "If that goes on, the course lead has to delete it there."


class TokenShelf(Protocol):
    """Where tokens of a platform are kept for all processes (store.tokens)."""

    def get(self, scopes: Sequence[str], good_at: datetime) -> AccessToken | None: ...

    def put(self, scopes: Sequence[str], token: AccessToken) -> None: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """We, calling one platform."""

    platform: Platform
    outbound: Outbound
    key: ToolKey
    tokens: TokenShelf


@dataclass(frozen=True, slots=True)
class Score:
    """What a grade book may learn: a share, never a level (decisions.md 1.3)."""

    lineitem: str
    subject: str
    given: float
    maximum: float
    completed: bool
    at: datetime  # strictly later than the last score of this person and line item
    comment: str = ""


def post_score(caller: Caller, score: Score, now: datetime) -> None:
    """Send a score. A platform that has the same or a newer one counts as delivered.

    :raises DeliveryFailed: named per cause; `retry` says whether later it may work.
    """
    body = score_body(
        subject=score.subject,
        given=score.given,
        maximum=score.maximum,
        completed=score.completed,
        at=score.at,
        comment=score.comment,
    ).encode()
    _judge_score(_post_score(caller, score.lineitem, body, now))


def withdraw_score(
    caller: Caller, lineitem: str, subject: str, written: datetime, now: datetime
) -> None:
    """Take a score back that was sent not later than `written`. Nothing there is success. Sends.

    :raises DeliveryFailed: named per cause; `retry` says whether later it may work.
    """
    # Moodle counts whole seconds and refuses one that is not later than the score's own.
    at = max(now, written + timedelta(seconds=1))
    body = no_score_body(subject=subject, at=at).encode()
    answer = _post_score(caller, lineitem, body, now)
    if answer.status == 409:
        raise ScoreStays
    if answer.status != 404:  # the line item is gone, and every score with it
        _judge_score(answer)


def _post_score(caller: Caller, lineitem: str, body: bytes, now: datetime) -> Answer:
    url, kind = with_path_suffix(lineitem, "/scores"), {"Content-Type": SCORE_TYPE}
    return authorized(caller, "POST", url, [SCORE_SCOPE], now, body=body, headers=kind)


def _judge_score(answer: Answer) -> None:
    if answer.status < 300 or answer.status == 409:
        return  # 409: an equal or later score is there already (Moodle), so ours has arrived
    if answer.status == 404:
        raise LineItemGone
    if answer.status in _LATER or answer.status >= 500:
        raise PlatformSilent(
            f"The platform cannot take scores now (status {answer.status}).", _wait_s(answer)
        )
    raise ScoreRefused(answer.status)


def authorized(
    caller: Caller,
    method: str,
    url: str,
    scopes: Sequence[str],
    now: datetime,
    *,
    body: bytes = b"",
    headers: Mapping[str, str],
) -> Answer:
    """Return the answer to a request with a token for exactly these scopes. Sends.

    :raises DeliveryFailed: no token, or no answer.
    """
    known = caller.tokens.get(scopes, now + _RENEW)
    token = known or fetch_token(caller, scopes, now)
    answer = _send(caller, method, url, body, headers, token)
    # A token may have been revoked or issued before a restart of the LMS: exactly one renewal.
    if answer.status == 401 and known:
        token = fetch_token(caller, scopes, now)
        answer = _send(caller, method, url, body, headers, token)
    return answer


def later(status: int) -> bool:
    """Return whether an answer of this status may be another one later."""
    return status in _LATER or status >= 500


def fetch_token(caller: Caller, scopes: Sequence[str], now: datetime) -> AccessToken:
    """Return a new token for exactly these scopes, and shelve it. Sends; writes.

    :raises DeliveryFailed: refused (`TokenRefused`) or no answer (`PlatformSilent`).
    """
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION,
        "client_assertion": _assertion(caller, now),
        "scope": " ".join(scopes),
    }
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = _send(caller, "POST", caller.platform.token_url, urlencode(form).encode(), kind)
    if failure := token_failure(caller.platform.kind, answer.status):
        raise PlatformSilent(f"{failure} (status {answer.status}).")
    token = _token(answer, now)
    caller.tokens.put(scopes, token)
    return token


def _assertion(caller: Caller, now: datetime) -> str:
    claims = {
        "iss": caller.platform.client_id,
        "sub": caller.platform.client_id,
        "aud": caller.platform.token_url,
        "iat": int(now.timestamp()),
        "exp": int((now + _ASSERTION_LIFE).timestamp()),
        "jti": str(uuid.uuid4()),
    }
    return jwt.encode(claims, caller.key.pem, algorithm="RS256", headers={"kid": caller.key.kid})


def _token(answer: Answer, now: datetime) -> AccessToken:
    if answer.status in _LATER or answer.status >= 500:
        raise PlatformSilent(f"The token endpoint answers with status {answer.status}.")
    if answer.status not in (200, 201):
        raise TokenRefused(answer.status)
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise PlatformSilent("The token endpoint's answer is no JSON.") from None
    value = document.get("access_token") if isinstance(document, dict) else None
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise PlatformSilent("The token endpoint's answer holds no token.")
    lives = document.get("expires_in")
    known = isinstance(lives, int | float) and not isinstance(lives, bool) and 0 < lives < 1e7
    return AccessToken(value, now + timedelta(seconds=lives if known else _SHORT_LIFE_S))


def _send(
    caller: Caller,
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    token: AccessToken | None = None,
) -> Answer:
    sent = {"Accept": "*/*", **headers}
    if token is not None:
        sent["Authorization"] = f"Bearer {token.value}"
    try:
        if method == "GET":
            return caller.outbound.get(url, accept=sent.pop("Accept"), headers=sent)
        return caller.outbound.post(url, body, sent)
    except Unreachable as error:
        raise PlatformSilent(f"The platform cannot be reached: {error}.") from None


def _wait_s(answer: Answer) -> float | None:
    said = answer.headers.get("retry-after", "")
    return float(said) if said.isascii() and said.isdigit() and len(said) < 6 else None
