"""The ceiling of a pull: requests and orjson along the links of an LRS; nothing is kept.

python -m benchmarks.peers.only_read ENDPOINT
"""

import json
import sys
import time
from collections.abc import Callable
from urllib.parse import urljoin

import orjson
import requests

PAGE = 500
HEADERS = {"X-Experience-API-Version": "1.0.3"}
LOGIN = ("key", "secret")


def timed(read: Callable[[], int]) -> None:
    """Read everything; say how quickly, and what processor time a statement took."""
    wall, cpu = time.perf_counter(), time.process_time()
    number = read()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"per_s": number / wall, "cpu_us": cpu / number * 1e6}))


def read_all(endpoint: str) -> int:
    number, there = 0, f"{endpoint}/statements?limit={PAGE}&ascending=true"
    with requests.Session() as session:
        while there:
            answer = session.get(there, headers=HEADERS, auth=LOGIN, timeout=60)
            page = orjson.loads(answer.content)
            number += len(page["statements"])
            more = page.get("more")
            there = urljoin(endpoint, more) if more else ""
    return number


if __name__ == "__main__":
    timed(lambda: read_all(sys.argv[1]))
