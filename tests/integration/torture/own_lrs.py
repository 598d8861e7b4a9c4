"""The embedded LRS in a process of its own: `python -m … DATABASE_URL`; says port, key, secret."""

import sys
import uuid
from datetime import UTC, datetime

from flask import Flask

from demo.serving import Serving
from lti_tool.ports import TenantSettings
from lti_tool.seal import Seal
from lti_tool.store import migrations, tenants, xapi_keys
from lti_tool.store.database import Database
from lti_tool.web.xapi import blueprint
from tests.integration.xapi.site import SECRET, house_of


def main(url: str) -> None:
    database, now = Database(url), datetime.now(UTC)
    migrations.upgrade(database)
    with database.begin() as conn:
        settings = TenantSettings(lrs_embedded=True)
        tenant = tenants.add(conn, f"t{uuid.uuid4().hex[:6]}", "Stadt", "HE", settings, now)
        key, secret = xapi_keys.new_credential(conn, tenant.id, "all", now)
    app = Flask("lrs")
    app.register_blueprint(blueprint)
    server = Serving(app, threads=8)
    origin = f"http://127.0.0.1:{server.port}"
    app.extensions["roadmap"] = house_of(database, Seal(SECRET), origin)
    print(server.port, key, secret, flush=True)
    server.run()


if __name__ == "__main__":
    main(sys.argv[1])
