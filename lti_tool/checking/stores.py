"""One LRS: can we read there, and may we write? Nothing is written: an empty list is offered."""

from collections.abc import Iterator

from lti_tool.bootstrap import House
from lti_tool.checking.result import Result
from lti_tool.store import lrs
from lti_tool.store.lrs import LrsConnection
from xapi_bridge.capabilities import merged, sentences
from xapi_bridge.client import Client
from xapi_bridge.errors import BridgeError, CredentialsRefused, StoreBusy
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
        reading = _reading(client, there, name, values)
        yield reading
        if reading.ok and reading.code != "lrs-busy":
            yield _writing(client, f"{name}: writing", values)


def _reading(client: Client, there: LrsConnection, name: str, values: dict[str, str]) -> Result:
    try:
        found = probe(client)
    except StoreBusy as error:
        if error.wait_s is None:
            return Result(name, False, str(error), "Is the LRS running?", "lrs-silent", values)
        said = f"asks us to wait {error.wait_s:.0f} s: it limits how often we may ask"
        return Result(name, True, said, "", "lrs-busy", values)
    except BridgeError as error:
        refused = isinstance(error, CredentialsRefused)
        code, remedy = ("lrs-refuses" if refused else "lrs-silent"), error.remedy
        said = str(error.args[0])
        remedy = remedy or "Check endpoint and key, or start the LRS."
        return Result(name, False, said, remedy, code, values)
    code = "lrs-late" if found.since == "timestamp" else "lrs-readable"
    # What only writing tells is known from before.
    known = sentences(merged(there.capabilities, found.document()))
    return Result(name, True, " ".join(["readable", *known]), "", code, values)


def _writing(client: Client, name: str, values: dict[str, str]) -> Result:
    try:
        allowed = may_write(client)
    except BridgeError as error:
        return Result(name, False, str(error.args[0]), error.remedy, "lrs-unknown", values)
    if not allowed:
        remedy = "Let the LRS give our key the right to write statements."
        return Result(name, False, "our key may not write", remedy, "lrs-readonly", values)
    return Result(name, True, "our key may write (nothing was written)", "", "lrs-writable", values)
