"""The own LRS: its address, and the keys of the systems that send to it or read from it.

A secret is shown on the page that answers the making of its key, this once; what is stored cannot
be turned back into it. Who reads everything sees what single persons did: no page of the
administration may open that (decisions.md 1.1), so such a key is made by the operator only.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lti_tool.errors import NotFound
from lti_tool.flows import lrs_keys
from lti_tool.ports import LrsKey
from lti_tool.web.admin import session
from lti_tool.web.formats import day
from lti_tool.web.services import house, services
from lti_tool.web.translate import gettext as _

SENDING = ("write", "mine")  # what a key from this page may be for
LONGEST = 120  # characters of the name of a system


def own_lrs() -> str:
    """List the keys, with the form to make one."""
    return _page(done=request.args.get("getan", "") == "gesperrt")


def make_key() -> str:
    """Make a key and show its secret, this once."""
    name, scope = request.form.get("name", "").strip()[:LONGEST], request.form.get("scope", "")
    if not name or scope not in SENDING:
        return _page(wrong=True, name=name, scope=scope)
    by, tenant_id = session.actor(), session.current().tenant.id
    key, secret = lrs_keys.make(services(), by, tenant_id, scope, name, datetime.now(UTC))
    return _page(made=(key, secret, name))


def revoking(key: str) -> str:
    """Ask before a key is taken out of use."""
    return render_template("admin/lrs_key.html", page={"key": _shown(_found(key))})


def revoke_key(key: str) -> Response:
    """Take a key out of use, at once."""
    by, tenant_id = session.actor(), session.current().tenant.id
    lrs_keys.revoke(services(), by, tenant_id, _found(key).key, datetime.now(UTC))
    return redirect(url_for("admin.own_lrs", getan="gesperrt"), 303)


def _page(
    *,
    done: bool = False,
    wrong: bool = False,
    name: str = "",
    scope: str = "",
    made: tuple[str, str, str] | None = None,
) -> str:
    here = house().settings
    found = lrs_keys.listed(services(), session.current().tenant.id)
    page = {
        "endpoint": f"{here.server.base_url}/xapi",
        "days": here.retention.embedded_statements,
        "keys": [_shown(k) for k in found if k.revoked is None],
        "revoked": [_shown(k) for k in found if k.revoked is not None],
        "made": made,
        "done": done,
        "wrong": wrong,
        "name": name,
        "scope": scope,
        "scopes": tuple((scope, _scopes()[scope]) for scope in SENDING),
    }
    return render_template("admin/own_lrs.html", page=page)


def _shown(key: LrsKey) -> Mapping[str, object]:
    facts = [
        (_("Key"), key.key),
        (_("May"), _scopes()[key.scope]),
        (_("Made"), day(key.created)),
        (_("Last used"), day(key.used) if key.used else _("never")),
    ]
    if key.revoked:
        facts.append((_("Out of use since"), day(key.revoked)))
    return {"key": key.key, "name": key.name or _("System without a name"), "facts": tuple(facts)}


def _found(key: str) -> LrsKey:
    for known in lrs_keys.listed(services(), session.current().tenant.id):
        if known.key == key and known.revoked is None:
            return known
    raise NotFound("There is no such key in use.")


def _scopes() -> Mapping[str, str]:
    return {
        "write": _("send only (a learning portal)"),
        "mine": _("send, and read what it sent itself"),
        "read": _("read everything"),
        "all": _("send, read everything, delete documents"),
    }
