"""Send queued statements to the LRS, as Moodle's cron does: in batches, seconds later.

Nothing is lost while the LRS is down: a statement leaves the queue only when the LRS has taken it.
A batch that was sent but not yet struck off when the process died is sent again, without ids;
that is what Moodle's plugin does too, and what the tool has to cope with.
"""

import json
import logging
import sqlite3
import threading
import uuid
from collections.abc import Sequence
from typing import Any

import requests

from demo.config import Config
from demo.store import Store

BATCH = 50
PATIENCE_S = 5.0  # the longest pause between two tries while the LRS is down
HEADERS = {"X-Experience-API-Version": "1.0.3"}
# Answers that say "not now" or "not you", not "this statement is wrong".
WAIT = {401, 403, 404, 408, 429}

log = logging.getLogger(__name__)


def enqueue(conn: sqlite3.Connection, statements: Sequence[dict[str, Any]]) -> None:
    """Note statements for sending, in the caller's transaction."""
    rows = [(json.dumps(s, ensure_ascii=False),) for s in statements]
    conn.executemany("insert into queue(statement) values (?)", rows)


class Cron:
    """The background sender. `run_once` is one round; `start` repeats it in a thread."""

    def __init__(self, config: Config, store: Store) -> None:
        self._config = config
        self._store = store
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._pause_s = config.cron_s

    def start(self) -> None:
        """Begin to send in the background."""
        self._thread = threading.Thread(target=self._run, name="cron", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the background thread after its current request."""
        self._stop.set()
        if self._thread:
            self._thread.join(self._config.timeout_s + 1)

    def waiting(self) -> int:
        """Return how many statements have not been taken yet."""
        return self._count("refused is null")

    def refused(self) -> int:
        """Return how many statements the LRS called wrong."""
        return self._count("refused is not null")

    def run_once(self) -> int:
        """Send what is waiting and return how many statements the LRS took."""
        sent = 0
        while batch := self._batch():
            taken = self._send(batch)
            sent += taken
            if taken < len(batch):
                break
        return sent

    def _run(self) -> None:
        while not self._stop.wait(self._pause_s):
            try:
                self._round()
            except Exception:
                # The thread is all that empties the queue: it must outlive any surprise.
                log.exception("cron round failed")

    def _round(self) -> None:
        self.run_once()
        down = self.waiting() > 0
        self._pause_s = min(self._pause_s * 2, PATIENCE_S) if down else self._config.cron_s

    def _send(self, batch: list[sqlite3.Row]) -> int:
        status = self._post([row["statement"] for row in batch])
        if 200 <= status < 300:
            return self._strike_off(batch)
        if status == 0 or status >= 500 or status in WAIT:
            return 0
        if len(batch) > 1:
            # A batch is taken or refused as a whole: one bad statement must not hold up the rest.
            return sum(self._send([row]) for row in batch)
        return self._set_aside(batch[0], status)

    def _post(self, statements: list[str]) -> int:
        batch = uuid.uuid4()
        body = [_with_registration(json.loads(text), batch) for text in statements]
        try:
            answer = requests.post(
                f"{self._config.lrs}/statements",
                json=body,
                headers=HEADERS,
                auth=(self._config.secrets.lrs_key, self._config.secrets.lrs_secret),
                timeout=self._config.timeout_s,
                allow_redirects=False,
            )
        except requests.RequestException:
            return 0
        return answer.status_code

    def _batch(self) -> list[sqlite3.Row]:
        with self._store.read() as conn:
            return conn.execute(
                "select id, statement from queue where refused is null order by id limit ?",
                (BATCH,),
            ).fetchall()

    def _strike_off(self, batch: list[sqlite3.Row]) -> int:
        with self._store.begin() as conn:
            conn.executemany("delete from queue where id = ?", [(row["id"],) for row in batch])
        return len(batch)

    def _set_aside(self, row: sqlite3.Row, status: int) -> int:
        log.warning("the LRS refused a statement with status %s", status)
        with self._store.begin() as conn:
            conn.execute("update queue set refused = ? where id = ?", (str(status), row["id"]))
        return 1

    def _count(self, condition: str) -> int:
        with self._store.read() as conn:
            query = f"select count(*) from queue where {condition}"  # noqa: S608 - two constants
            return int(conn.execute(query).fetchone()[0])


def _with_registration(statement: dict[str, Any], batch: uuid.UUID) -> dict[str, Any]:
    # The plugin's registration names the batch, not the learner's enrolment.
    return statement | {"context": statement["context"] | {"registration": str(batch)}}
