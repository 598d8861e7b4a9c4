"""Refusals per minute and address: a whole town sits behind one address, so only refusals count.

Counted in memory, or where several web processes answer in a small file that all of them map; never
in the database: it protects people from a wall of error pages and logs from floods, and costs good
launches nothing. A good launch passes whatever the count. No address is kept, only a number of it.
"""

import fcntl
import hashlib
import mmap
import struct
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Protocol

_WINDOW_S = 60
_MOST_ADDRESSES = 10_000


class Counts(Protocol):
    def add(self, address: str, minute: int) -> int:
        """Count one refusal of an address; return how many there were in this minute."""
        ...


class RefusalLimit:
    """Counts refusals in fixed minutes."""

    def __init__(self, per_minute: int, shared: Path | None = None) -> None:
        self._per_minute = per_minute
        self._counts: Counts = _OfOneProcess() if shared is None else _OfAllProcesses(shared)

    def exceeded(self, address: str, now_s: float) -> bool:
        """Count one refusal; return whether the address has had more than its share."""
        return self._counts.add(address, int(now_s // _WINDOW_S)) > self._per_minute


class _OfOneProcess:
    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[int, int]] = OrderedDict()  # address -> minute, count
        self._lock = threading.Lock()

    def add(self, address: str, minute: int) -> int:
        with self._lock:
            then, count = self._counts.pop(address, (minute, 0))
            count = count + 1 if then == minute else 1
            self._counts[address] = (minute, count)
            if len(self._counts) > _MOST_ADDRESSES:
                self._counts.popitem(last=False)
        return count


class _OfAllProcesses:
    """A table of fixed size in a file: number of the address, minute, count; the newest stays."""

    _ROW = struct.Struct("=QQQ")

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+b")
        self._file.truncate(_MOST_ADDRESSES * self._ROW.size)
        self._map = mmap.mmap(self._file.fileno(), 0)
        self._lock = threading.Lock()  # the file's lock is between processes only

    def add(self, address: str, minute: int) -> int:
        who = int.from_bytes(hashlib.blake2b(address.encode(), digest_size=8).digest(), "big")
        place = who % _MOST_ADDRESSES * self._ROW.size
        with self._lock:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                known, then, count = self._ROW.unpack_from(self._map, place)
                count = count + 1 if (known, then) == (who, minute) else 1
                self._ROW.pack_into(self._map, place, who, minute, count)
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)
        return int(count)
