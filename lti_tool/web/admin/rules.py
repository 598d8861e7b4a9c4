"""The words of the retention rules, with the period in force."""

from lti_tool.settings import Retention
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext


def words_of(rule: str, kept: Retention) -> tuple[str, str]:
    """Return what a rule is about, and after how long; an unknown rule as it is called."""
    said = {
        "answers": (_("Answers to questions"), days(kept.answers)),
        "reflections": (_("Private answers"), days(kept.answers)),
        "attempts": (_("Runs through the questions"), days(kept.evidence)),
        "profiles": (_("Profiles"), days(kept.evidence)),
        "evidence": (_("Evidence"), days(kept.evidence)),
        "raw statements": (_("Text of messages from the LRS"), days(kept.raw_statements)),
        "parked statements": (_("Messages about people who never came"), days(kept.parked)),
        "recommendation log": (_("Log of the proposals"), days(kept.recommendations)),
        "withdrawn paths": (_("Withdrawn learning paths"), days(kept.evidence)),
        "delivered outbox": (_("Delivered messages"), days(kept.raw_statements)),
        "undeliverable withdrawals": (_("Withdrawals that never arrived"), days(kept.audit)),
        "quarantine": (_("Unreadable messages"), days(kept.raw_statements)),
        "embedded LRS: search keys": (
            _("Search keys of the built-in LRS"),
            days(kept.embedded_statements),
        ),
        "embedded LRS: statements": (
            _("Messages in the built-in LRS"),
            days(kept.embedded_statements),
        ),
        "audit": (_("Audit log"), days(kept.audit)),
        "revoked rights": (_("Rights that were taken away"), days(kept.audit)),
        "staff sessions": (_("Sessions in the administration"), days(2)),
        "one-time links": (_("Used or old one-time links"), days(1)),
        "old launches": (_("Starts"), days(1)),
    }
    return said.get(rule, (rule, ""))


def days(number: float) -> str:
    return ngettext("%(num)d day", "%(num)d days", int(number))
