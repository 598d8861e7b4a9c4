"""`python -m demo`: run the demo LMS, or only make its hand-over files (`--init`)."""

import argparse
import errno
import logging
import signal
import sys
from pathlib import Path

from demo.app import create_app
from demo.config import Config, configure
from demo.lms import Lms
from demo.serving import Serving

THREADS = 8
EXAMPLE = "example: python -m demo --port 8090 --tool http://localhost:8080 --data var/demo-lms"


def main(argv: list[str] | None = None) -> int:
    """Run until Ctrl-C or SIGTERM; return the exit code."""
    asked = _parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="demo-lms %(levelname)s %(message)s")
    config = configure(
        asked.data,
        base_url=asked.base_url or f"http://localhost:{asked.port}",
        tool=asked.tool,
        lrs=asked.lrs,
        share_names=not asked.no_names,
        test_mode=asked.test_mode,
    )
    if asked.init:
        print(config.data / "connection.json")
        return 0
    return _serve(config, asked.host, asked.port)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo", description="Demo-LMS Musterstadt", epilog=EXAMPLE
    )
    parser.add_argument("--data", type=Path, required=True, help="folder for its state")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--base-url", default="", help="issuer, if not http://localhost:PORT")
    parser.add_argument("--tool", default="http://localhost:8080", help="base URL of the tool")
    parser.add_argument("--lrs", default="", help="LRS endpoint, if not TOOL/xapi")
    parser.add_argument("--no-names", action="store_true", help="share no names and addresses")
    parser.add_argument("--test-mode", action="store_true", help="allow faults over HTTP")
    parser.add_argument("--init", action="store_true", help="make DATA/connection.json and end")
    return parser


def _serve(config: Config, host: str, port: int) -> int:
    app = create_app(config)
    platform = app.extensions["demo"]
    assert isinstance(platform, Lms)
    try:
        server = Serving(app, host=host, port=port, threads=THREADS, ident=None)
    except OSError as error:
        return _cannot_listen(error, port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.end())
    platform.cron.start()
    print(f"Demo-LMS Musterstadt: {config.base_url}", flush=True)
    try:
        server.run()
    finally:
        platform.cron.stop()
        server.close()
    return 0


def _cannot_listen(error: OSError, port: int) -> int:
    if error.errno != errno.EADDRINUSE:
        raise error
    print(f"Port {port} is taken. Choose another one with --port.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
