"""The words of the connection test, for every code of `lti_tool.checking`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_tool.web.translate import gettext as _

#: code -> what was tested, what was found, what to do.
WORDS: Mapping[str, tuple[object, object, object]] = {
    "address-fine": (_l("Address of roadMAP"), _l("%(url)s is usable."), ""),
    "address-plain": (
        _l("Address of roadMAP"),
        _l("%(url)s is not https."),
        _l("Browsers keep our cookies over https only. Ask whoever runs the service."),
    ),
    "nothing": (
        _l("Connections"),
        _l("Nothing is connected yet."),
        _l("Ask whoever runs the service: `roadmap platform add`, `roadmap lrs add`."),
    ),
    "silent": (
        "%(about)s",
        _l("No answer in time."),
        _l("Test again. If it stays like this: is the other side running?"),
    ),
    "broken": (
        "%(about)s",
        _l("The test could not be made."),
        _l("Ask whoever runs the service: `roadmap check` says why."),
    ),
    "platform-waits": (
        _l("%(about)s: approval"),
        _l("It waits for approval. Nobody can start."),
        _l("Approve it on “Learning portals”."),
    ),
    "platform-blocked": (
        _l("%(about)s: approval"),
        _l("It is blocked. Nobody can start."),
        _l("Approve it on “Learning portals”, if that was not on purpose."),
    ),
    "places-fine": (_l("%(about)s: deployments"), _l("Approved: %(count)s."), ""),
    "places-waiting": (
        _l("%(about)s: deployments"),
        _l("Waiting for approval: %(count)s."),
        _l("Approve or block them on “Learning portals”."),
    ),
    "places-none": (
        _l("%(about)s: deployments"),
        _l("None is approved. Nobody can start."),
        _l("Start once from the learning portal, then approve it on “Learning portals”."),
    ),
    "keys-fine": (_l("%(about)s: keys"), _l("Readable, usable keys: %(count)s."), ""),
    "keys-unreachable": (
        _l("%(about)s: keys"),
        _l("The key set cannot be read (%(why)s)."),
        _l("Is the learning portal running, and can roadMAP reach it?"),
    ),
    "keys-none": (
        _l("%(about)s: keys"),
        _l("The key set holds no usable key."),
        _l("Compare the address of the key set with the learning portal."),
    ),
    "clock-fine": (_l("%(about)s: time"), _l("Both clocks agree (%(seconds)s s apart)."), ""),
    "clock-unknown": (_l("%(about)s: time"), _l("The learning portal does not say its time."), ""),
    "clock-skew": (
        _l("%(about)s: time"),
        _l("The clocks differ by %(seconds)s seconds."),
        _l("Set the clocks of both servers (NTP)."),
    ),
    "token-fine": (_l("%(about)s: access"), _l("The learning portal gives us a token."), ""),
    "token-unneeded": (
        _l("%(about)s: access"),
        _l("The learning portal gives no token. Grades are off, so nothing needs it."),
        "",
    ),
    "token-refused": (
        _l("%(about)s: access"),
        _l("The learning portal refuses us a token."),
        _l("Compare client id, token address and key set address in both places."),
    ),
    "token-silent": (
        _l("%(about)s: access"),
        _l("The learning portal gives no usable answer."),
        _l("Is the token address right? Look into the log of the learning portal."),
    ),
    "members-fine": (_l("%(about)s: members"), _l("Learners may be counted."), ""),
    "members-refused": (
        _l("%(about)s: members"),
        _l("The learning portal does not let us count learners."),
        _l("Allow the tool to read names and roles there, or let the switch nrps be turned off."),
    ),
    "plans-fine": (
        _l("%(about)s: learning plans"),
        _l("All functions for learning plans are allowed, and the right is there."),
        "",
    ),
    "plans-missing": (
        _l("%(about)s: learning plans"),
        _l("Functions are missing: %(functions)s."),
        _l("Add them to the external service the token belongs to."),
    ),
    "plans-right": (
        _l("%(about)s: learning plans"),
        _l("The service user may not make learning plans."),
        _l("Give its role the right moodle/competency:planmanage."),
    ),
    "plans-refused": (
        _l("%(about)s: learning plans"),
        _l("The web service refuses us (%(errorcode)s)."),
        _l("Check the token, its functions and its rights in the learning portal."),
    ),
    "plans-silent": (
        _l("%(about)s: learning plans"),
        _l("The web service gives no usable answer."),
        _l("Is it running, and is its address right?"),
    ),
    "cookies-fine": (
        _l("%(about)s: cookies and frame"),
        _l("In 7 days starts without our cookie: %(count)s."),
        "",
    ),
    "cookies-lost": (
        _l("%(about)s: cookies and frame"),
        _l("In 7 days starts without our cookie: %(count)s."),
        _l("Let the learning portal open roadMAP in a new window."),
    ),
    "names-fine": (_l("%(about)s: identification"), _l("SHA256. That is right."), ""),
    "names-other": (
        _l("%(about)s: identification"),
        _l("It is usable: %(modes)s. The LRS type in ILIAS has to be set to the same."),
        "",
    ),
    "names-random": (
        _l("%(about)s: identification"),
        _l("Random: in every object everybody is somebody else."),
        _l("Set the provider and the LRS type in ILIAS to SHA256, name: none."),
    ),
    "names-mixed": (
        _l("%(about)s: identification"),
        _l("It was changed: %(modes)s. Whoever came under both is two people here."),
        _l("Leave it at SHA256. Who is two people joins both on “My data”."),
    ),
    "names-unknown": (_l("%(about)s: identification"), _l("Nobody has started from here yet."), ""),
    "lrs-readable": (_l("LRS %(about)s: read"), _l("Readable."), ""),
    "lrs-late": (
        _l("LRS %(about)s: read"),
        _l("Readable, but late messages can be missed."),
        _l("Let this LRS forward to the built-in one (`/xapi`)."),
    ),
    "lrs-refuses": (
        _l("LRS %(about)s: read"),
        _l("The LRS does not accept our key."),
        _l("Key right, and may it read and write? Else connect the LRS again."),
    ),
    "lrs-silent": (
        _l("LRS %(about)s: read"),
        _l("The LRS gives no usable answer."),
        _l("Is it running, and is its address right?"),
    ),
    "lrs-busy": (
        _l("LRS %(about)s: read"),
        _l("The LRS is there. It limits how often one may ask, and asks us to wait."),
        _l("Nothing to do: fetching goes on by itself."),
    ),
    "lrs-writable": (
        _l("LRS %(about)s: write (trial)"),
        _l("Our key may write. Nothing was written."),
        "",
    ),
    "lrs-readonly": (
        _l("LRS %(about)s: write (trial)"),
        _l("Our key may not write."),
        _l("Give our key the right to write in the LRS. Else no path arrives there."),
    ),
    "lrs-unknown": (
        _l("LRS %(about)s: write (trial)"),
        _l("The LRS gives no usable answer."),
        _l("Is it running, and is its address right?"),
    ),
}

#: Why a key set cannot be read, as `lti_tool.lti.outbound` says it.
WHY: Mapping[str, object] = {
    "the address is not a usable URL": _l("the address is not usable"),
    "the address is not https": _l("the address is not https"),
    "the address is not public, nor of security.intranet": _l("the address is not public"),
    "the answer is too long": _l("the answer is too long"),
    "the answer takes too long": _l("the answer takes too long"),
    "no answer in time": _l("no answer in time"),
    "the host name is unknown": _l("the name of the server is unknown"),
    "the TLS handshake fails": _l("no secure connection"),
}


#: How ILIAS calls its identifications, in its own words.
MODES: Mapping[str, object] = {
    "number": _l("ILIAS user id"),
    "name": _l("ILIAS login or external account"),
    "real-mail": _l("E-mail address"),
    "random": _l("random"),
    "sha256": "SHA256",
    "sha256-url": _l("SHA256 with address"),
}


@dataclass(frozen=True, slots=True)
class Said:
    about: str
    sentence: str
    remedy: str


def said(result: Mapping[str, Any]) -> Said:
    """Return a result in the reader's language; one of an older version as it was written."""
    words = WORDS.get(result["code"])
    if words is None:
        return Said(result["name"], result["message"], result["remedy"])
    values = dict(result["values"])
    if modes := values.get("modes", ""):
        values["modes"] = ", ".join(str(MODES.get(m, m)) for m in modes.split())
    if why := values.get("why", ""):
        values["why"] = _why(why)
    about, sentence, remedy = (str(text) % values if text else "" for text in words)
    return Said(about, sentence, remedy)


def _why(why: str) -> str:
    if "certificate" in why:
        return _("its certificate is not accepted")
    return str(WHY.get(why, _("no connection")))
