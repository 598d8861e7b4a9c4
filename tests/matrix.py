"""The fast tier of a matrix: every value of every axis once, all combinations in `make test-all`.

Marked `matrix`, a test with several parameters keeps only those combinations in `make test` that
bring a value not seen yet, in the order of collection; the rest is `slow`. So no kind is lost. Axes
named in the mark (`matrix("ilias", "staff")`) are one axis: all their combinations are kept.

Marked `usual("sqlite")`, a long test that runs on each database keeps that one in `make test`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import pytest


def thin(items: Sequence[pytest.Item]) -> None:
    """Mark as slow what only combines anew."""
    seen: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for item in items:
        mark, found = item.get_closest_marker("matrix"), getattr(item, "callspec", None)
        usual = item.get_closest_marker("usual")
        if usual and found and usual.args[0] not in found.params.values():
            item.add_marker(pytest.mark.slow)
        if mark is None or found is None:
            continue
        known, values = seen[item.nodeid.partition("[")[0]], _values(found.params, mark.args)
        if values <= known:
            item.add_marker(pytest.mark.slow)
        known |= values


def _values(params: Mapping[str, object], together: tuple[str, ...]) -> set[tuple[str, str]]:
    values = {name: repr(value) for name, value in params.items()}
    if together:
        values["together"] = ", ".join(values[name] for name in together)
    return set(values.items())
