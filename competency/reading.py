"""Read JSON records with errors that name the file, the place in it and the field."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from competency.errors import PackError


@dataclass(frozen=True, slots=True)
class Record:
    """One JSON object and where it stands, e.g. `items.json[3] (i-41-paket)`."""

    where: str
    data: Mapping[str, object]

    @classmethod
    def of(cls, where: str, value: object) -> "Record":
        """Return the object as a record; :raises PackError: it is not an object."""
        if not isinstance(value, dict):
            raise PackError(f"{where}: expected an object")
        name = value.get("key", value.get("code"))
        return cls(f"{where} ({name})" if isinstance(name, str) and name else where, value)

    def wrong(self, field: str, expected: str) -> PackError:
        """Return the error to raise about a field."""
        return PackError(f"{self.where}: {field}: {expected}")

    def text(self, field: str, default: str | None = None) -> str:
        value = self.data.get(field)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise self.wrong(field, "expected a text")
        return value

    def whole(self, field: str, lowest: int, highest: int, default: int | None = None) -> int:
        value = self.data.get(field)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise self.wrong(field, f"expected a whole number from {lowest} to {highest}")
        return value

    def number(self, field: str, lowest: float, highest: float, default: float) -> float:
        value = self.data.get(field)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(field, "expected a number")
        if not lowest <= value <= highest:  # also refuses NaN
            raise self.wrong(field, f"expected a number from {lowest:g} to {highest:g}")
        return float(value)

    def flag(self, field: str, default: bool = False) -> bool:
        value = self.data.get(field, default)
        if not isinstance(value, bool):
            raise self.wrong(field, "expected true or false")
        return value

    def texts(self, field: str) -> tuple[str, ...]:
        values = self._list(field)
        if not all(isinstance(v, str) and v for v in values):
            raise self.wrong(field, "expected a list of texts")
        return tuple(str(v) for v in values)

    def numbers(self, field: str) -> tuple[float, ...]:
        values = self._list(field)
        if any(isinstance(v, bool) or not isinstance(v, int | float) for v in values):
            raise self.wrong(field, "expected a list of numbers")
        return tuple(float(v) for v in values if isinstance(v, int | float))

    def pairs(self, field: str) -> tuple[tuple[int, int], ...]:
        pairs = []
        for pair in self._list(field):
            if not (isinstance(pair, list) and len(pair) == 2 and all(map(_is_whole, pair))):
                raise self.wrong(field, "expected a list of [x, y]")
            pairs.append((int(pair[0]), int(pair[1])))
        return tuple(pairs)

    def levels(self, field: str, lowest: int, highest: int = 4) -> dict[str, int]:
        """Return code -> level, each from `lowest` to `highest`."""
        record = Record.of(f"{self.where}: {field}", self.data.get(field))
        return {code: record.whole(code, lowest, highest) for code in record.data}

    def mapping(self, field: str) -> dict[str, str]:
        """Return name -> text; empty where the field is missing."""
        if self.data.get(field) is None:
            return {}
        record = Record.of(f"{self.where}: {field}", self.data[field])
        return {name: record.text(name) for name in record.data}

    def records(self, field: str, *, required: bool = True) -> Iterator["Record"]:
        values = self._list(field)
        if required and not values:
            raise self.wrong(field, "expected at least one entry")
        return (Record.of(f"{self.where}: {field}[{n}]", v) for n, v in enumerate(values))

    def _list(self, field: str) -> list[object]:
        value = self.data.get(field)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.wrong(field, "expected a list")
        return value


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
