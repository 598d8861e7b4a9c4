"""Frameworks, items and hypothesis strategies that the tests of the core share."""

import numpy as np
from hypothesis import strategies as st

from competency.framework import Area, Competency, Framework
from competency.items import Item, Kind, Option
from competency.posterior import Array

SIZES = (3, 6, 4, 4, 4, 5)


def framework(sizes: tuple[int, ...] = SIZES, private: str = "") -> Framework:
    """A framework with codes "<area>.<n>", both counted from 1."""
    areas = tuple(
        Area(
            code=str(n),
            title=f"Bereich {n}",
            short=f"B{n}",
            title_en=f"Area {n}",
            short_en=f"A{n}",
            competencies=tuple(
                Competency(f"{n}.{k}", "t", "p", "t", "p", private=f"{n}.{k}" == private)
                for k in range(1, size + 1)
            ),
        )
        for n, size in enumerate(sizes, start=1)
    )
    return Framework("test", "1.0", areas)


def item(key: str, competency: str, a: float, b: tuple[float, ...], **more: object) -> Item:
    """A single-choice item, or a self-rating when `kind` says so, with these parameters."""
    fields: dict[str, object] = {
        "key": key,
        "competency": competency,
        "level": 1,
        "kind": Kind.SINGLE_CHOICE,
        "stem": "?",
        "options": (Option("ja", correct=True), Option("nein")),
        "feedback": "",
        "a": a,
        "b": b,
    }
    return Item(**{**fields, **more})  # type: ignore[arg-type]


def random_bank(seed: int, codes: tuple[str, ...], count: int) -> tuple[Item, ...]:
    """Binary and graded questions and self-ratings spread over the competences."""
    rng = np.random.default_rng(seed)
    items = []
    for n in range(count):
        thresholds = (1, 1, 2, 3, 4)[n % 5]
        own = n % 5 == 3
        b = np.sort(rng.normal(size=thresholds)) + 0.01 * np.arange(thresholds)
        items.append(
            item(
                f"i{n:03}",
                codes[n % len(codes)],
                float(rng.uniform(0.6, 2.4)),
                tuple(b.tolist()),
                kind=Kind.SELF_RATING if own else Kind.SINGLE_CHOICE,
                seconds=15 if own else 35,
            )
        )
    return tuple(items)


#: Means and covariances that can happen: N(0, S) of random correlation and scale.
@st.composite
def beliefs(draw: st.DrawFn, size: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    factors = rng.normal(size=(size, size + 2))
    cov = factors @ factors.T
    scale = rng.uniform(0.15, 1.0, size) / np.sqrt(np.diag(cov))
    return rng.normal(size=size), np.asarray(cov * np.outer(scale, scale))


discriminations = st.floats(0.3, 2.8)


@st.composite
def thresholds(draw: st.DrawFn, most: int = 4, within: float = 3.0) -> tuple[float, ...]:
    """Strictly increasing difficulties, at least .05 apart."""
    count = draw(st.integers(1, most))
    first = draw(st.floats(-within, within - 1.0))
    gaps = draw(st.lists(st.floats(0.05, 1.0), min_size=count - 1, max_size=count - 1))
    return tuple(float(x) for x in first + np.cumsum([0.0, *gaps]))
