"""Admit: a verified arrival -> a launch row with its own secret. One transaction, or nothing.

The nonce is consumed in the same transaction that opens the launch: of two equal posts exactly
one wins, on any worker, and a refused launch consumes nothing.
"""

from datetime import datetime

from lti_tool.ports import Admitted, Arrival, Door


def admit(door: Door, arrival: Arrival, now: datetime) -> Admitted | None:
    """Return the opened launch, or None if this launch was already used. Writes and commits.

    A person who comes for the first time becomes a learner; the same sub at another platform is
    another person, unless what the operator trusts says that she is known (`lti.identity`).
    """
    with door.begin() as entry:
        if not entry.consume(arrival.nonce, now):
            return None
        learner_id = (
            entry.learner_of(arrival)
            or entry.recognise(arrival, now)
            or entry.welcome(arrival, now)
        )
        entry.remember(arrival, learner_id)
        if arrival.ident:
            entry.know(arrival, learner_id, now)
        return entry.open(arrival, learner_id, now)
