"""Refusals per minute and address: a whole town sits behind one address, so only refusals count.

In the memory of one process on purpose: it protects people from a wall of error pages and logs
from floods, and costs good launches nothing. A good launch passes whatever the count.
"""

import threading
from collections import OrderedDict

_WINDOW_S = 60
_MOST_ADDRESSES = 10_000


class RefusalLimit:
    """Counts refusals in fixed minutes."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._counts: OrderedDict[str, tuple[int, int]] = OrderedDict()  # address -> minute, count
        self._lock = threading.Lock()

    def exceeded(self, address: str, now_s: float) -> bool:
        """Count one refusal; return whether the address has had more than its share."""
        minute = int(now_s // _WINDOW_S)
        with self._lock:
            then, count = self._counts.pop(address, (minute, 0))
            count = count + 1 if then == minute else 1
            self._counts[address] = (minute, count)
            if len(self._counts) > _MOST_ADDRESSES:
                self._counts.popitem(last=False)
        return count > self._per_minute
