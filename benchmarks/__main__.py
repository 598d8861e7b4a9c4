"""`make bench`: run every benchmark, print one JSON line each, and append them to the results file.

Each benchmark is a module below benchmarks/speed or benchmarks/quality that prints JSON lines
{"name", "value", "unit", "peer", "peer_value", "ratio", "settings"}; peers run in the same
invocation, so only the ratios mean anything across machines.
"""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results.jsonl"


def main() -> int:
    """Run all; return 1 if one of them failed."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    failed = 0
    for path in sorted([*HERE.glob("speed/*.py"), *HERE.glob("quality/*.py")]):
        if path.name == "__init__.py":
            continue
        name = f"benchmarks.{path.parent.name}.{path.stem}"
        done = subprocess.run([sys.executable, "-m", name], stdout=subprocess.PIPE, text=True)
        failed |= done.returncode
        for line in filter(None, done.stdout.splitlines()):
            row = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine, **json.loads(line)}
            print(json.dumps(row), flush=True)
            with RESULTS.open("a", encoding="utf-8") as results:
                results.write(json.dumps(row) + "\n")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
