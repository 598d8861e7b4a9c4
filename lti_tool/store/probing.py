"""Probing a connected LRS, and what has changed there since the last time. Sends; writes."""

import time
from datetime import datetime

from lti_tool.seal import Seal
from lti_tool.store import lrs as connections
from lti_tool.store.database import Database
from lti_tool.store.pull import client_of
from xapi_bridge.capabilities import Capabilities
from xapi_bridge.errors import BridgeError
from xapi_bridge.ports import Sleep
from xapi_bridge.probe import probe


def probe_once(
    database: Database,
    seal: Seal,
    lrs_id: str,
    *,
    now: datetime,
    tool: str,
    active: bool = False,
    patience_s: float = 5.0,
    sleep: Sleep = time.sleep,
) -> tuple[Capabilities, list[tuple[str, str, str]]]:
    """Return what an LRS can do, and name, before and now of what changed.

    `active` also writes there, in the name of `tool`, and takes it back.

    :raises BridgeError: it cannot be used now; noted as the connection's last error.
    """
    with database.read() as conn:
        connection = connections.get(conn, seal, lrs_id)
    try:
        with client_of(connection, patience_s, sleep=sleep) as client:
            found = probe(client, active=active, tool=tool)
    except BridgeError as error:
        with database.begin() as conn:
            connections.failed(conn, lrs_id, error, now)
        raise
    with database.begin() as conn:
        return found, connections.probed(conn, connection, found.document(), now)
