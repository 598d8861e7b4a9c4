"""What can go wrong between us and a Learning Record Store, one error per cause.

`retry` says whether trying again later can help; `remedy` is for the person who runs the service.
Messages never carry credentials, actors or `more` tokens.
"""


class BridgeError(Exception):
    """Something about a store or its statements an operator can understand and act on."""

    retry = False

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} {self.remedy}" if self.remedy else message


class StoreUnreachable(BridgeError):
    """No answer: refused, reset, timed out, or the name is unknown."""

    retry = True


class StoreBusy(BridgeError):
    """The store asked us to wait (429, 502, 503, 504)."""

    retry = True

    def __init__(self, message: str, *, wait_s: float | None = None, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.wait_s = wait_s


class CredentialsRefused(BridgeError):
    """The store does not know our key, or the key may not do this (401, 403)."""


class RequestRefused(BridgeError):
    """The store says the request is wrong (another 4xx): a program error or an odd store."""

    def __init__(self, message: str, *, status: int, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.status = status


class MoreExpired(BridgeError):
    """The store no longer knows its own `more` link; the window is walked again."""


class StatementConflict(BridgeError):
    """The store holds another statement under an id of ours (409): alarm, never overwrite."""


class ForeignMore(BridgeError):
    """`more` points to another origin: our credentials do not follow."""


class ResponseTooLarge(BridgeError):
    """The answer is larger than we are willing to read."""


class MalformedPage(BridgeError):
    """The answer is no statement result: the page as a whole cannot be cut into statements."""


class MalformedStatement(BridgeError):
    """One statement is not what xAPI allows; the message is the reason shown in the quarantine."""


class LeaseLost(BridgeError):
    """Another puller took over; nothing of this page was written."""

    retry = True


class RulesBroken(BridgeError):
    """A mapping table cannot be used; names the rule and the field."""
