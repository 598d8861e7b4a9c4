"""The words of the administration for what the program calls by short names.

What has no words here is shown as it is: better a name in English than a guess.
"""

import re
from collections.abc import Mapping

from flask_babel import lazy_gettext as _l

from lti_tool.web.translate import gettext as _

AREAS: Mapping[str, object] = {
    "overview": _l("Overview"),
    "connection": _l("Connection"),
    "platforms": _l("Learning portals"),
    "own_lrs": _l("Own LRS"),
    "refusals": _l("Refusals"),
    "mapping": _l("Mapping"),
    "lrs": _l("LRS"),
    "jobs": _l("Jobs"),
    "outbox": _l("Outgoing"),
    "quarantine": _l("Quarantine"),
    "soll": _l("Roles and Soll"),
    "workshops": _l("Workshops"),
    "items": _l("Questions"),
    "tests": _l("Other tests"),
    "retention": _l("Retention"),
    "log": _l("Audit log"),
    "rights": _l("Rights"),
}

ROLES: Mapping[str, object] = {
    "admin": _l("Administration of the learning portal"),
    "hr": _l("Human resources development"),
    "manager": _l("Manager"),
    "lotse": _l("Digital guide"),
    "provider": _l("Training provider"),
    "staff-council": _l("Staff council"),
    "evaluator": _l("Evaluation"),
}

ACTIONS: Mapping[str, object] = {
    "staff.grant": _l("Right given"),
    "staff.revoke": _l("Right taken away"),
    "staff.link": _l("One-time link made"),
    "staff.enter": _l("Entered the administration"),
    "platform.add": _l("Learning portal added"),
    "platform.register": _l("Learning portal registered itself"),
    "platform.plan": _l("Learning plan service of the learning portal changed"),
    "platform.alias": _l("Other name of the learning portal changed"),
    "platform.trust": _l("Attribute trusted that tells people at several learning portals"),
    "platform.lti11": _l("LTI 1.1 key of the learning portal changed"),
    "platform.refresh": _l("Registration at the learning portal changed"),
    "platform.active": _l("Learning portal approved"),
    "platform.blocked": _l("Learning portal blocked"),
    "deployment.active": _l("Deployment approved"),
    "deployment.blocked": _l("Deployment blocked"),
    "tenant.add": _l("Municipality added"),
    "tenant.set": _l("Texts of the municipality changed"),
    "tenant.switch": _l("Switch changed"),
    "soll.draft": _l("Draft of a Soll saved"),
    "soll.submit": _l("Soll handed in"),
    "soll.recall": _l("Soll taken back to be changed"),
    "soll.drop": _l("Draft of a Soll given up"),
    "soll.council": _l("Staff council involved"),
    "soll.approve": _l("Soll approved"),
    "soll.import": _l("Soll read from a file"),
    "provider.save": _l("Test provider entered or changed"),
    "provider.retire": _l("Test provider not used any more"),
    "provider.use": _l("Test provider used again"),
    "provider.import": _l("Results of another test taken over"),
    "workshop.open": _l("Workshop opened"),
    "workshop.close": _l("Vote of a workshop closed"),
    "workshop.again": _l("Second vote of a workshop opened"),
    "workshop.agree": _l("Value settled in a workshop"),
    "workshop.invite": _l("Invitation of a workshop changed"),
    "workshop.finish": _l("Workshop ended, draft made"),
    "workshop.drop": _l("Workshop given up"),
    "role.put": _l("Own role saved"),
    "role.retire": _l("Role retired"),
    "role.restore": _l("Role offered again"),
    "items.release": _l("Questions with new parameters released"),
    "lrs.add": _l("LRS connected"),
    "lrs.set": _l("Reading of an LRS changed"),
    "lrs.probe": _l("LRS probed"),
    "lrs.key": _l("Key for the built-in LRS made"),
    "lrs.key.revoke": _l("Key for the built-in LRS revoked"),
    "mapping.import": _l("Activities mapped to units"),
    "outbox.retry": _l("Undeliverable messages sent again"),
    "quarantine.retry": _l("Unusable message read again"),
    "quarantine.drop": _l("Unusable message thrown away"),
    "connection.check": _l("Connections tested"),
    "jobs.run": _l("Job started by hand"),
    "retention.run": _l("Deletion run started by hand"),
    "person.export": _l("A person's data handed out"),
    "person.link": _l("Person of two learning portals joined"),
    "person.erase": _l("A person's data deleted"),
}

KINDS: Mapping[str, object] = {
    "statements": _l("Learning path to the LRS"),
    "statements-withdrawn": _l("Withdrawal of a learning path in the LRS"),
    "document": _l("Learning path as it stands, to the LRS"),
    "document-withdrawn": _l("Removal of a learning path as it stands from the LRS"),
    "asserted": _l("Result that somebody shared, to the LRS"),
    "asserted-withdrawn": _l("Withdrawal of a shared result in the LRS"),
    "levels": _l("Shared results as they stand, to the LRS"),
    "levels-withdrawn": _l("Removal of shared results from the LRS"),
    "score": _l("Progress to the grade book"),
    "score-withdrawn": _l("Withdrawal of a grade"),
    "result": _l("Review or assessment to the grade book"),
    "result-withdrawn": _l("Withdrawal of a review or an assessment"),
    "plan": _l("Learning plan to the learning portal"),
    "plan-withdrawn": _l("Withdrawal of a learning plan"),
}

#: What a job is called, and how often it runs by itself.
JOBS: Mapping[str, tuple[object, object]] = {
    "pull": (_l("Fetch activity"), _l("every few seconds")),
    "deliver": (_l("Send"), _l("every 2 seconds")),
    "refold": (_l("Recompute profiles and paths"), _l("when something new is there")),
    "purge": (_l("Delete what has expired"), _l("every hour")),
    "shares": (_l("End what was shared until today"), _l("every 10 minutes")),
}

#: How a failure begins, what it means and what helps.
CAUSES: tuple[tuple[str, object, object], ...] = (
    (
        r"The platform refused an access token",
        _l("The learning portal does not give us a token."),
        _l("Compare client id, token address and key set address in both places."),
    ),
    (
        r"The platform refused a score",
        _l("The learning portal does not take this grade."),
        _l("Is the person still in the course? Are grades switched on there?"),
    ),
    (
        r"ILIAS cannot fetch or use our keyset",
        _l("ILIAS cannot fetch or use our key set."),
        _l(
            "ILIAS fetches it from the internet at every grade, without a proxy: can that server "
            "reach roadMAP? Is the type of key “JWK keyset”? We go on trying."
        ),
    ),
    (
        r"ILIAS does not find this person",
        _l("ILIAS does not know the person under any of the names it gave us."),
        _l("Set the identification to SHA256; afterwards the person opens the object again."),
    ),
    (
        r"The platform refused a line item",
        _l("The learning portal gives us no column in the grade book."),
        _l("Allow the tool to manage columns, or give the activity a grade there."),
    ),
    (
        r"The line item was deleted|Another worker looks for",
        _l("The grade column has to be found anew."),
        _l("Nothing to do. We go on trying."),
    ),
    (
        r"The line item does not exist",
        _l("The grade column was deleted in the course."),
        _l("Nothing to do. The next start names the new one."),
    ),
    (
        r"The grade book has a later score",
        _l("The grade book has a newer grade than ours."),
        _l("If it stays like this, the course lead has to delete the grade there."),
    ),
    (
        r"The learning platform refused a plan",
        _l("The web service for learning plans refuses."),
        _l("Check the token, its functions and its rights in the learning portal."),
    ),
    (
        r"The plan service was switched off",
        _l("The learning plan service was switched off."),
        _l("Enter it again, or leave it: nothing is lost here."),
    ),
    (
        r"The LRS was removed",
        _l("This LRS is not connected any more."),
        _l("Nothing to do."),
    ),
    (
        r"The store refuses our key",
        _l("The LRS does not accept our key."),
        _l("Key right, and may it read and write? Else connect the LRS again."),
    ),
    (
        r"The store does not answer|The store asks us to wait|certificate",
        _l("The LRS does not answer."),
        _l("Is it running, and is its address right? We go on trying."),
    ),
    (
        r"The platform cannot be reached|cannot take scores now|The token endpoint",
        _l("The learning portal does not answer."),
        _l("Is it running, and can roadMAP reach it? We go on trying."),
    ),
    (
        r"The answer is not the JSON|The answer has no list",
        _l("The LRS answers something that is no list of messages."),
        _l("Is it under maintenance? Look into its log. We go on trying."),
    ),
    (
        r"larger than \d+ MiB|A single statement is larger",
        _l("The LRS gives answers that are too large."),
        _l("Ask whoever runs the service for a smaller lrs.page_size."),
    ),
    (
        r"leads to another server",
        _l("The LRS sends us to another server for the next page."),
        _l("Our key does not go there. Is the address of the LRS the one it uses itself?"),
    ),
    (
        r"leads to the same page|lead to empty pages|forgets its own links",
        _l("The LRS loses its thread from page to page."),
        _l("Please report this to whoever runs the LRS. We go on trying."),
    ),
    (
        r"The store holds another statement",
        _l("The LRS holds something else under our number."),
        _l("Please report this to whoever runs the service."),
    ),
    (
        r"The store refuses a request",
        _l("The LRS refuses what we send."),
        _l("Look into the log of the LRS, then send again."),
    ),
    (
        r"ran out of memory",
        _l("The worker ran out of memory."),
        _l("Give it more, or use a smaller lrs.page_size."),
    ),
)

#: Why a statement could not be used: how the reason begins.
REASONS: tuple[tuple[str, object], ...] = (
    (r"id_conflict", _l("Another message came before under the same number. The first one stays.")),
    (r"larger than", _l("It is larger than 1 MB.")),
    (r"not valid JSON", _l("It is not JSON and cannot be read.")),
    (r"our program stumbles", _l("roadMAP stumbles on it. Please report this.")),
    (r"nested too deeply", _l("It is nested too deeply.")),
    (r"unknown property", _l("It has a property that xAPI does not know.")),
    (r"id is not a UUID", _l("Its number is not a UUID.")),
    (r"verb", _l("What was done (verb) is missing or wrong.")),
    (
        r"object|an activity has no IRI|SubStatement|the referenced",
        _l("What it is about (object) is missing or wrong."),
    ),
    (r"actor|authority", _l("Whose message it is (actor) is missing or wrong.")),
    (r"result", _l("The result is not as xAPI requires.")),
    (r"context", _l("The surroundings (context) are not as xAPI requires.")),
    (r".* is not an instant", _l("A time is not readable.")),
)


def word(words: Mapping[str, object], name: str) -> str:
    return str(words.get(name, name))


def said_of(actor: str) -> str:
    """Return who did something: never a name, and of a person only the begin of the id."""
    kind, _colon, number = actor.partition(":")
    short = number[:8].upper()
    if kind == "staff":
        return _("Administration (%(number)s)", number=short)
    if kind == "link":
        return _("One-time link (%(number)s)", number=short)
    if kind == "learner":
        return _("The person herself or himself")
    return _("Command line") if kind == "cli" else _("The service itself")


def cause(said: str) -> tuple[str, str]:
    """Return what a failure means and what helps; unknown ones as they are."""
    for begin, meaning, remedy in CAUSES:
        if re.search(begin, said):
            return str(meaning), str(remedy)
    return said, ""


def reason(said: str) -> str:
    """Return why a statement could not be used; never what stood in it."""
    found = next((words for begin, words in REASONS if re.match(begin, said)), None)
    return str(found) if found is not None else _("It is not as xAPI requires.")
