"""Geometry of the pictures on the profile page: bars, net and self-image, as SVG attributes.

Pure: values in, numbers out; no colours and no text other than ring numbers, the templates add
classes and words. A bar is drawn in per cent of its width (the axis of five level cells, 0 to 5),
so it fits any width undistorted; the net has a viewBox 320 wide. A hatched field always ends where
`Standing.low_pos` and `high_pos` say, so picture and verdict agree by construction.
Source: design pages 3.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from competency.framework import Framework
from competency.profile import Standing, Verdict
from competency.scale import MAX_LEVEL, MAX_STEP, on_scale

AXIS = 5.0  # level cells
OVERLAP = 0.05  # level cells; 3 px on a phone
CUTS = ("20%", "40%", "60%", "80%")

CENTRE_X, CENTRE_Y, RADIUS = 160.0, 140.0, 92.0
TOP, LOW, DESCENT = 28.0, 252.0, 6.0  # of the picture; of a letter below its line
LETTER = 8.2  # estimated width of a letter at 15 units, bold digits aside
FEWEST_AREAS = 3
FEWEST_RINGS, MOST_RINGS = 3, 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One competence: what is sure, the hatched field, and the line of the Soll ("" = none)."""

    sure: str
    field_x: str
    field_width: str
    soll: str


@dataclass(frozen=True, slots=True)
class AreaStanding:
    """One area on the axis, and what the picture says.

    Where the Soll is set for the area, its score; else the means of its required competences.
    """

    area: str
    low_pos: float
    high_pos: float
    soll_pos: float
    verdict: Verdict
    counts: Mapping[Verdict, int]


@dataclass(frozen=True, slots=True)
class Label:
    x: str
    y: str
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Net:
    """The areas as a net of 4 or 8 levels: path data and points. `fine` rings have no number."""

    scale: int
    rings: tuple[str, ...]
    fine: tuple[str, ...]
    spokes: str
    band: str
    soll: str
    marks: tuple[tuple[str, str], ...]
    labels: tuple[Label, ...]
    numbers: tuple[Label, ...]
    height: str  # of the viewBox: an odd number of areas has a label below
    areas: tuple[AreaStanding, ...]


def bar(standing: Standing) -> Bar:
    """Return the bar of one competence."""
    low, high = _drawn(standing)
    return Bar(
        sure=percent(low),
        field_x=percent(low),
        field_width=percent(high - low),
        soll=percent(standing.soll_pos) if standing.soll else "",
    )


def _drawn(standing: Standing) -> tuple[float, float]:
    # An open topic whose field ends a hair beside the line would look decided: show the overlap.
    low, high = standing.low_pos, standing.high_pos
    if standing.verdict is Verdict.OPEN:
        low = min(low, standing.soll_pos - OVERLAP)
        high = max(high, standing.soll_pos + OVERLAP)
    return max(0.0, low), min(AXIS, high)


def percent(position: float) -> str:
    """Return a place on the axis 0 to 5 as an SVG length in per cent of the width."""
    return f"{round(position / AXIS * 100, 2):g}%"


def shown(low: float, high: float, soll: float) -> Verdict:
    """Return what a hatched field and a line say to somebody who only looks at the picture."""
    if low >= soll:
        return Verdict.MET
    return Verdict.GAP if high <= soll else Verdict.OPEN


def by_area(framework: Framework, standings: Iterable[Standing]) -> tuple[AreaStanding, ...]:
    """Return the areas in which something is required, in the framework's order."""
    required = {s.competency: s for s in standings if s.verdict is not Verdict.NONE}
    grouped = (
        (a.code, [required[c.code] for c in a.competencies if c.code in required])
        for a in framework.areas
    )
    found = (_area(code, members, required.get(code)) for code, members in grouped)
    return tuple(area for area in found if area is not None)


def _area(code: str, members: Sequence[Standing], own: Standing | None) -> AreaStanding | None:
    shown_as = members if own is None else [own]
    if not shown_as:
        return None
    low = _mean(s.low_pos for s in shown_as)
    high = _mean(s.high_pos for s in shown_as)
    soll = _mean(s.soll_pos for s in shown_as)
    words: tuple[Verdict, ...] = (Verdict.MET, Verdict.GAP, Verdict.OPEN)
    every = members if own is None else [*members, own]
    counts = {v: sum(s.verdict is v for s in every) for v in words}
    return AreaStanding(code, low, high, soll, shown(low, high, soll), counts)


def _mean(values: Iterable[float]) -> float:
    numbers = tuple(values)
    return math.fsum(numbers) / len(numbers)


def net(
    areas: Sequence[AreaStanding], titles: Mapping[str, str], scale: int = MAX_LEVEL
) -> Net | None:
    """Return the net, or None with fewer than three areas: two points make no shape.

    On eight levels (DigComp 2.2) every ring is drawn, and every second one has its number.
    """
    if len(areas) < FEWEST_AREAS:
        return None
    rings, angles = ring_count(areas, scale), _angles(len(areas))

    def around(places: Iterable[float]) -> list[tuple[float, float]]:
        return [_point(a, on_scale(p, scale), rings) for a, p in zip(angles, places, strict=True)]

    soll = around(s.soll_pos for s in areas)
    edge = [_point(a, rings, rings) for a in angles]
    numbered = range(scale // MAX_LEVEL, rings + 1, scale // MAX_LEVEL)
    labels = tuple(
        _label(a, p, titles[s.area]) for a, p, s in zip(angles, edge, areas, strict=True)
    )
    drawn = {n: _path(_point(a, n, rings) for a in angles) for n in range(1, rings + 1)}
    return Net(
        scale=scale,
        rings=tuple(drawn[n] for n in numbered),
        fine=tuple(path for n, path in drawn.items() if n not in numbered),
        spokes="".join(f"M{CENTRE_X:g} {CENTRE_Y:g}L{_xy(p)}" for p in edge),
        band=_path(around(s.high_pos for s in areas)) + _path(around(s.low_pos for s in areas)),
        soll=_path(soll),
        marks=tuple((f"{x:.1f}", f"{y:.1f}") for x, y in soll),
        labels=labels,
        height=f"{max(LOW, *(float(x.y) + DESCENT for x in labels)) - TOP:.0f}",
        numbers=tuple(_number(n, angles, rings) for n in numbered),
        areas=tuple(areas),
    )


def ring_count(areas: Sequence[AreaStanding], scale: int = MAX_LEVEL) -> int:
    """Return how many rings: up to the highest level needed, of four at least 3; or all eight."""
    if scale == MAX_STEP:
        return MAX_STEP
    highest = max(max(a.soll_pos, a.high_pos) for a in areas)
    return max(FEWEST_RINGS, min(MOST_RINGS, math.ceil(highest)))


def _angles(count: int) -> list[float]:
    """Return directions in radians, first one upper left, so that the top edge lies flat."""
    first = -90 - 180 / count
    return [math.radians(first + n * 360 / count) for n in range(count)]


def _point(angle: float, position: float, rings: int) -> tuple[float, float]:
    # The last cell of the axis (level 4 upwards) ends at the outermost ring.
    reach = RADIUS * min(position, rings) / rings
    return CENTRE_X + reach * math.cos(angle), CENTRE_Y + reach * math.sin(angle)


def _path(points: Iterable[tuple[float, float]]) -> str:
    return "M" + "L".join(_xy(p) for p in points) + "z"


def _xy(point: tuple[float, float]) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


def _label(angle: float, edge: tuple[float, float], text: str) -> Label:
    """Place a label beside its spoke where it fits, else above it, inside the picture."""
    x, y = edge
    beside = abs(math.cos(angle)) > 0.7
    right = math.cos(angle) > 0
    width = len(text) * LETTER
    if beside:
        room = 320 - (x + 8) if right else x - 8
        if width <= room:
            return Label(
                f"{x + 8 if right else x - 8:.0f}",
                f"{y + 5:.0f}",
                "start" if right else "end",
                text,
            )
        return Label("320" if right else "0", f"{y - 12:.0f}", "end" if right else "start", text)
    below = math.sin(angle) > 0
    return Label(f"{x:.0f}", f"{y + (22 if below else -12):.0f}", "middle", text)


def _number(ring: int, angles: Sequence[float], rings: int) -> Label:
    """Place a ring's number between the first spoke and the second, just inside the ring."""
    middle = (angles[1] + angles[2]) / 2
    x, y = _point(middle, ring * math.cos((angles[1] - angles[0]) / 2), rings)
    return Label(f"{x - 3:.0f}", f"{y + 5:.0f}", "end", str(ring))
