"""The embedded LRS beside others: writing and reading, per second.

Ours is `roadmap serve` as it ships, in one process, on SQLite or on a durable PostgreSQL. One peer
is npm's @learninglocker/xapi-statements 7.8.0: it keeps everything in the memory of its one
process and forgets it with it. The other is pelotech/xapi-lrs 0.9.6 on a PostgreSQL of its own,
where somebody has built it (tests/peers/xapi_lrs.py). All stand ready together, each alone on the
first core, and take turns in short rounds; the driver is on the second, and PostgreSQL where the
kernel puts it. Every ratio is the median of the rounds' ratios: the machine is shared. Statements
are those that a real Moodle sent (tests/data/xapi), each time with a new id. In the end everything
that was acknowledged is read back from ours, page by page: one that is missing fails the run.

    .venv/bin/python -m benchmarks.speed.lrs [--database sqlite] [--rounds 5] [--seconds 3]

What came of it: docs/adr/0021.
"""

import argparse
import http.client
import json
import sys
import tempfile
import threading
import time
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from statistics import median
from urllib.parse import SplitResult, urlsplit

import orjson

from benchmarks.pairs import Bad
from benchmarks.postgres import free_port, postgres
from benchmarks.speed.launches import cpu_s, on_core
from lti_tool.settings import ROOT
from tests.peers import xapi_lrs, xapi_statements
from tests.peers.process import NotBuilt, Process
from tools.conformance_lrs import service

SAMPLE = ROOT / "tests" / "data" / "xapi" / "moodle-statements.json"
DATABASES = ("sqlite", "postgresql")
HELD = 5000  # statements in each store before the first round
PAGE = 500
NO_ID = b"00000000-0000-4000-8000-000000000000"
TIMEOUT_S = 60
WORDS = {
    "peer": "@learninglocker/xapi-statements 7.8.0, in memory, one process of Node",
    "xapi_lrs": "pelotech/xapi-lrs 0.9.6 on PostgreSQL, one process of Node",
}


@dataclass(frozen=True, slots=True)
class Task:
    """What is measured: its name, how many clients do it, and what one request counts for."""

    name: str
    clients: int
    unit: str
    batch: int = 0  # statements sent by a request; 0: it reads


TASKS = (
    Task("post_one", 8, "statements/s", 1),
    Task("post_50", 4, "statements/s", 50),
    Task("post_500", 4, "statements/s", 500),
    Task("get_one", 8, "requests/s"),
    Task("get_page", 4, "statements/s"),
)


@dataclass
class Store:
    """A store that answers at an address, and what it did."""

    name: str
    endpoint: SplitResult
    credentials: str
    pid: int = 0  # 0: not started by us, its processor time is not known
    ids: list[str] = field(default_factory=list)
    rounds: dict[str, list[float]] = field(default_factory=dict)
    cpu_us: dict[str, list[float]] = field(default_factory=dict)

    @property
    def headers(self) -> Mapping[str, str]:
        return {
            "Authorization": "Basic " + b64encode(self.credentials.encode()).decode(),
            "X-Experience-API-Version": "1.0.3",
            "Content-Type": "application/json",
        }


class Client:
    """One connection to a store."""

    def __init__(self, store: Store) -> None:
        address = store.endpoint
        self.store = store
        self._open = http.client.HTTPConnection(
            str(address.hostname), address.port, timeout=TIMEOUT_S
        )

    def ask(self, method: str, query: str = "", body: bytes | None = None) -> bytes:
        """Return the answer.

        :raises Bad: it is not 200.
        """
        path = f"{self.store.endpoint.path}/statements{query}"
        self._open.request(method, path, body, dict(self.store.headers))
        answer = self._open.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise Bad(f"{self.store.name}: {answer.status} to {method}: {content[:200]!r}")
        return content

    def close(self) -> None:
        self._open.close()


class Sample:
    """Statements of a real Moodle, over and over, each with an id of its own."""

    def __init__(self) -> None:
        sent = json.loads(SAMPLE.read_text(encoding="utf-8"))
        self._texts = cycle(orjson.dumps({**one, "id": NO_ID.decode()}) for one in sent)
        self.bytes_each = sum(len(orjson.dumps(one)) for one in sent) / len(sent)
        self._lock = threading.Lock()

    def body(self, number: int) -> tuple[list[str], bytes]:
        """Return ids and a body with so many statements."""
        ids = [str(uuid.uuid4()) for _ in range(number)]
        with self._lock:
            texts = [next(self._texts) for _ in ids]
        named = [text.replace(NO_ID, id_.encode()) for text, id_ in zip(texts, ids, strict=True)]
        return ids, named[0] if number == 1 else b"[" + b",".join(named) + b"]"


def post(client: Client, sample: Sample, number: int) -> int:
    ids, body = sample.body(number)
    answered = orjson.loads(client.ask("POST", body=body))
    if answered != ids:
        raise Bad(f"{client.store.name}: other ids than were sent")
    client.store.ids.extend(ids)
    return number


def get_one(client: Client, turn: Iterator[int]) -> int:
    # All over the store: every 97th, round and round.
    ids = client.store.ids
    wanted = ids[next(turn) * 97 % len(ids)]
    if orjson.loads(client.ask("GET", f"?statementId={wanted}"))["id"] != wanted:
        raise Bad(f"{client.store.name}: another statement than was asked for")
    return 1


def get_page(client: Client, _turn: Iterator[int]) -> int:
    page = orjson.loads(client.ask("GET", f"?limit={PAGE}&ascending=true"))
    if len(page["statements"]) != PAGE:
        raise Bad(f"{client.store.name}: a page of {len(page['statements'])}")
    return PAGE


def one_round(store: Store, task: Task, sample: Sample, seconds: float) -> None:
    """Let all clients of a task work for so long; note the rate and what it cost."""
    turn, done, wrong = count(), [0] * task.clients, list[Exception]()
    reading = get_one if task.name == "get_one" else get_page
    until = time.perf_counter() + seconds

    def work(number: int) -> None:
        client = Client(store)
        try:
            while time.perf_counter() < until:
                done[number] += (
                    post(client, sample, task.batch) if task.batch else reading(client, turn)
                )
        except (Bad, OSError, http.client.HTTPException) as error:
            wrong.append(error)
        finally:
            client.close()

    spent, began = _cpu_s(store), time.perf_counter()
    _all(work, task.clients)
    took = time.perf_counter() - began
    if wrong:
        raise Bad(f"{store.name}, {task.name}: {wrong[0]}")
    store.rounds.setdefault(task.name, []).append(sum(done) / took)
    store.cpu_us.setdefault(task.name, []).append((_cpu_s(store) - spent) / sum(done) * 1e6)


def _all(work: Callable[[int], None], clients: int) -> None:
    threads = [threading.Thread(target=work, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _cpu_s(store: Store) -> float:
    return cpu_s(store.pid) if store.pid else 0.0


def fill(store: Store, sample: Sample) -> None:
    client = Client(store)
    while len(store.ids) < HELD:
        post(client, sample, PAGE)
    client.close()


def missing(store: Store) -> int:
    """Return how many acknowledged statements a walk through the whole store does not show."""
    client, found, query = Client(store), set[str](), f"?limit={PAGE}&ascending=true"
    while query:
        page = orjson.loads(client.ask("GET", query))
        found |= {statement["id"] for statement in page["statements"]}
        query = f"?{urlsplit(page['more']).query}" if page.get("more") else ""
    client.close()
    return len(set(store.ids) - found)


def compared(
    database: str, stores: list[Store], rounds: int, seconds: float
) -> Iterator[dict[str, object]]:
    """Yield a line per task and peer; the first store is ours."""
    sample = Sample()
    for store in stores:
        fill(store, sample)
    for task in TASKS:
        for number in range(rounds):
            first = number % len(stores)
            for store in stores[first:] + stores[:first]:
                one_round(store, task, sample, seconds)
        for peer in stores[1:]:
            yield _line(database, task, stores[0], peer, sample)


def _line(database: str, task: Task, ours: Store, peer: Store, sample: Sample) -> dict[str, object]:
    mine, theirs = ours.rounds[task.name], peer.rounds[task.name]
    return {
        "name": f"lrs_{database}_{task.name}" + ("" if peer.name == "peer" else f"_{peer.name}"),
        "value": round(median(mine)),
        "unit": task.unit,
        "peer": WORDS.get(peer.name, peer.name),
        "peer_value": round(median(theirs)),
        "ratio": round(median(a / b for a, b in zip(mine, theirs, strict=True)), 3),
        "settings": {
            "clients": task.clients,
            "rounds": len(mine),
            "bytes_each": round(sample.bytes_each),
            "page": PAGE if task.name == "get_page" else task.batch or 1,
            "held": len(ours.ids),
            "peer_held": len(peer.ids),
            "cpu_us_each": round(median(ours.cpu_us[task.name]), 1),
            "peer_cpu_us_each": round(median(peer.cpu_us[task.name]), 1),
        },
    }


@contextmanager
def _running(database: str) -> Iterator[list[Store]]:
    with ExitStack() as stack:
        if database == "postgresql":
            url = stack.enter_context(postgres())
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="roadmap-lrs-"))
            url = f"sqlite:///{Path(folder) / 'lrs.db'}"
        their_url = stack.enter_context(postgres())
        with on_core(0):
            mine = stack.enter_context(service(url, processes=1))
            peers = list(_peers(their_url))
        for process, _ in peers:
            stack.callback(process.close)
        stack.enter_context(on_core(1))
        ours = Store("ours", urlsplit(mine.endpoint), f"{mine.key}:{mine.secret}", mine.pid)
        yield [ours, *(store for _, store in peers)]


def _peers(database_url: str) -> Iterator[tuple[Process, Store]]:
    """Start the peers that can be had here."""
    peer: Process = xapi_statements.Peer(free_port())
    yield peer, Store("peer", urlsplit(peer.endpoint), "key:secret", peer.process.pid)
    try:
        peer = xapi_lrs.Peer(free_port(), free_port(), database_url, page=PAGE)
    except NotBuilt as error:
        print(error, file=sys.stderr)
        return
    login = f"{xapi_lrs.KEY}:{xapi_lrs.SECRET}"
    yield peer, Store("xapi_lrs", urlsplit(peer.endpoint), login, peer.process.pid)


def main() -> int:
    """Print the lines; return 1 if something acknowledged is not in our store."""
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    given.add_argument("--database", choices=DATABASES, action="append")
    given.add_argument("--rounds", type=int, default=5)
    given.add_argument("--seconds", type=float, default=3.0)
    asked, lost = given.parse_args(), 0
    for database in asked.database or DATABASES:
        with _running(database) as stores:
            for line in compared(database, stores, asked.rounds, asked.seconds):
                print(json.dumps(line), flush=True)
            gone = missing(stores[0])
        if gone:
            print(f"{database}: {gone} acknowledged statements are missing", file=sys.stderr)
        lost += gone
    return int(bool(lost))


if __name__ == "__main__":
    sys.exit(main())
