"""What a store can do that only writing tells. Everything written is voided or deleted again.

Two statements with old timestamps, the later one older: which of them comes first, and whether
`since` finds what was stored just now but happened days ago. Source: reference/xapi.md 5.2.
"""

import json
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from xapi_bridge.capabilities import Capabilities
from xapi_bridge.client import Client
from xapi_bridge.errors import CredentialsRefused, RequestRefused, StatementConflict
from xapi_bridge.instants import text_of
from xapi_bridge.statement import PROBE, VOIDED, Statement, parse_answer, parse_page

#: What was written must be found within this time; some stores need a moment.
PATIENCE_S, LOOK_EVERY_S = 5.0, 0.2
#: Stores cut instants to milliseconds, some round them.
NEAR_US = 2_000

Json = Any


@dataclass
class Trial:
    """What only writing tells. Everything written is voided or deleted again."""

    client: Client
    tool: str

    def of(self, found: Capabilities) -> Capabilities:
        self.client.version = found.write_version
        try:
            written = [self._write(days) for days in (2, 3)]  # the second happened first
        except (CredentialsRefused, RequestRefused) as error:
            self.client.version = found.version
            refused = isinstance(error, CredentialsRefused)
            return replace(found, may_write=False) if refused else found
        try:
            since, order = self._read_back(written)
        finally:  # also if it may not be read: nothing of ours is to stay
            self._void(written)
        voided = self._one(written[-1], "voidedStatementId") is not None
        if_match, key = self._documents() if found.documents else (None, found.document_key)
        self.client.version = found.version
        return replace(
            found,
            since=found.since if since == "unknown" else since,
            order=found.order if order == "unknown" else order,
            voided=voided and found.voided is not False,
            if_match=if_match,
            document_key=key,
            may_write=True,
            wrote=True,
        )

    def _write(self, days: int) -> str:
        made = str(uuid.uuid4())
        happened = datetime.now(UTC) - timedelta(days=days)
        self.client.send([self._statement(made, timestamp=happened.isoformat())])
        return made

    def _statement(self, number: str, **more: Json) -> dict[str, Json]:
        return {
            "id": number,
            "actor": self._agent,
            "verb": {"id": "http://adlnet.gov/expapi/verbs/initialized"},
            "object": {"id": f"{self.tool}/xapi/probe"},
            "context": {"extensions": {PROBE: True}},
            **more,
        }

    @property
    def _agent(self) -> dict[str, Json]:
        return {"account": {"homePage": self.tool, "name": "probe"}}

    def _read_back(self, written: Sequence[str]) -> tuple[str, str]:
        """Return on which time `since` works, and in which order the two come."""
        first = self._one(written[0])
        if first is None or first.stored_us is None:
            return "unknown", "unknown"
        listed = self._listed(first.id, first.stored_us - NEAR_US)
        if first.id not in listed:
            return "timestamp", "timestamp"
        if written[1] not in listed:
            return "stored", "unknown"
        ascending = listed.index(first.id) < listed.index(written[1])
        return "stored", "stored" if ascending else "neither"

    def _listed(self, number: str, since_us: int) -> list[str]:
        """Return what is listed since an instant; search may see later what is there by id."""
        until, params = time.monotonic() + PATIENCE_S, {"since": text_of(since_us)}
        while True:
            body = self.client.get("statements", params | {"ascending": "true"}).body
            listed = [e.id for e in parse_page(body).entries if isinstance(e, Statement)]
            if number in listed or time.monotonic() > until:
                return listed
            time.sleep(LOOK_EVERY_S)

    def _one(self, number: str, name: str = "statementId") -> Statement | None:
        """Return a statement by its id once it is visible."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                found = parse_answer(self.client.get("statements", {name: number}).body)
            except RequestRefused:
                found = ()
            for entry in found:
                if isinstance(entry, Statement) and entry.id == number:
                    return entry
            if time.monotonic() > until:
                return None
            time.sleep(LOOK_EVERY_S)

    def _void(self, written: Sequence[str]) -> None:
        for target in written:
            ref = {"objectType": "StatementRef", "id": target}
            void = self._statement(str(uuid.uuid4()), verb={"id": VOIDED}, object=ref)
            self.client.send([void])

    def _documents(self) -> tuple[bool | None, bool | None]:
        """Return whether If-Match is respected, and whether our key may write documents."""
        try:
            return self._if_match(), True
        except CredentialsRefused:
            return None, False

    def _if_match(self) -> bool | None:
        """Return whether a document that another changed meanwhile is not overwritten."""
        where = {"agent": json.dumps(self._agent), "profileId": PROBE}
        with suppress(RequestRefused, StatementConflict):  # one of an earlier probe is still there
            self.client.document("PUT", where, b"{}", {"If-None-Match": "*"})
        try:
            self.client.document("PUT", where, b'{"probe":1}', {"If-Match": '"another"'})
            respected = False
        except (RequestRefused, StatementConflict):
            respected = True
        etag = self.client.document("GET", where, None, {})[1]
        self.client.document("DELETE", where, None, {"If-Match": etag} if etag else {})
        return respected and bool(etag)
