"""One LRS: can we read there, and may we write? Nothing is written: an empty list is offered."""

from collections.abc import Iterator

from lti_tool.bootstrap import House
from lti_tool.checking.result import Result
from lti_tool.store import lrs
from xapi_bridge.client import Client
from xapi_bridge.errors import BridgeError, CredentialsRefused
from xapi_bridge.probe import may_write, probe

PATIENCE_S, READ_TIMEOUT_S = 2.0, 8.0


def look(house: House, lrs_id: str) -> Iterator[Result]:
    """Yield whether it can be read, and whether it would take what we send. Sends."""
    with house.database.read() as conn:
        there = lrs.get(conn, house.seal, lrs_id)
    name, values = f"LRS {there.name}", {"about": there.name}
    with Client(
        there.endpoint,
        there.key,
        there.secret,
        patience_s=PATIENCE_S,
        read_timeout_s=READ_TIMEOUT_S,
    ) as client:
        reading = _reading(client, name, values)
        yield reading
        if reading.ok:
            yield _writing(client, f"{name}: writing", values)


def _reading(client: Client, name: str, values: dict[str, str]) -> Result:
    try:
        found = probe(client)
    except BridgeError as error:
        refused = isinstance(error, CredentialsRefused)
        code, remedy = ("lrs-refuses" if refused else "lrs-silent"), error.remedy
        said = str(error.args[0])
        remedy = remedy or "Check endpoint and key, or start the LRS."
        return Result(name, False, said, remedy, code, values)
    code = "lrs-late" if found.since == "timestamp" else "lrs-readable"
    return Result(name, True, " ".join(["readable", *found.sentences]), "", code, values)


def _writing(client: Client, name: str, values: dict[str, str]) -> Result:
    try:
        allowed = may_write(client)
    except BridgeError as error:
        return Result(name, False, str(error.args[0]), error.remedy, "lrs-unknown", values)
    if not allowed:
        remedy = "Let the LRS give our key the right to write statements."
        return Result(name, False, "our key may not write", remedy, "lrs-readonly", values)
    return Result(name, True, "our key may write (nothing was written)", "", "lrs-writable", values)
