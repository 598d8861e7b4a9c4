"""From what is believed to what is said: verdicts, spans, hatched fields, self-images.

Steps are 0 to 8, positions 0 to 5 (five level cells). Verdict: met where P(theta >= Soll) >= .9,
gap where <= .1, else open; nobody gets a verdict from fewer than five pieces of evidence.
Source: reference assessment 2.2, 2.3, 3.5, 3.6; design pages 3 and 7. Private competences have no
dimension and therefore never appear.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from competency.assessment import Engine
from competency.evidence import Evidence
from competency.framework import Area
from competency.posterior import Posterior, probability_below
from competency.profile import Profile, SelfImage, Standing, Verdict
from competency.scale import axis_position, cut_of_step, step_of_level
from competency.target import Target

SURE = 0.9
UNSURE = 0.1
#: Standard normal quantile of .9: half the width of the hatched field in standard deviations.
Z_SURE = 1.2815515655446004
#: Half the width (in cells) a field has at least around the Soll while nothing may be judged yet.
UNJUDGED = 0.5
#: Self-answers an area needs before anything is said about the self-image.
SELF_ANSWERS = 2
#: A smaller over- or under-rating counts as fitting: on theta, about half a level cell.
FITS = 0.5


def profile_of(
    engine: Engine,
    posterior: Posterior,
    target: Target,
    evidence: Iterable[Evidence],
    versions: Mapping[str, str],
) -> Profile:
    """Return what is said of every measured competence and area, in the framework's order.

    `evidence` are the pieces that went into the posterior; with fewer than five of them everything
    required is open and its field reaches around the Soll, whatever the base rate says.
    `Profile.answers` is their number.
    """
    evidence = tuple(evidence)
    pieces = Counter(e.competency for e in evidence)
    judged = len(evidence) >= engine.config.min_items
    standings = tuple(
        _standing(engine, posterior, target.steps.get(code, 0), code, pieces[code], judged)
        for code in engine.dimension
    )
    areas = tuple(
        _standing(engine, posterior, target.areas.get(code, 0), code, count, judged)
        for code, count in _pieces_of_areas(engine, pieces).items()
    )
    return Profile(
        standings=standings,
        areas=areas,
        mean=tuple(posterior.mean.tolist()),
        versions=dict(versions),
        answers=len(evidence),
        self_images=self_images(engine, evidence),
    )


def spread(
    engine: Engine, posterior: Posterior, profile: Profile, target: Target
) -> tuple[Profile, Target]:
    """Return profile and Soll as the planner needs them: units teach competences, never areas.

    Where an area does not surely meet its Soll, each of its competences is planned up to that step,
    unless it has a Soll of its own. `posterior` is the one behind the profile. What is said of the
    person stays with the area; nothing of this is a verdict to be shown.
    """
    wanted = {
        code: area.soll
        for area in profile.areas
        if area.soll and area.verdict is not Verdict.MET
        for code in engine.framework.measured(area.competency)
        if code not in target.steps
    }
    judged = sum(s.evidence for s in profile.standings) >= engine.config.min_items
    standings = tuple(
        _standing(engine, posterior, wanted[s.competency], s.competency, s.evidence, judged)
        if s.competency in wanted
        else s
        for s in profile.standings
    )
    areas = tuple(a for a in profile.areas if a.verdict in (Verdict.MET, Verdict.NONE))
    steps = {**target.steps, **wanted}
    return replace(profile, standings=standings, areas=areas), replace(target, steps=steps)


def _pieces_of_areas(engine: Engine, pieces: Mapping[str, int]) -> dict[str, int]:
    """Return the number of pieces in each area that has something to measure."""
    measured = {a.code: engine.framework.measured(a.code) for a in engine.framework.areas}
    return {
        code: sum(pieces.get(c, 0) for c in competencies)
        for code, competencies in measured.items()
        if competencies
    }


def reached(mean: float, sd: float, cuts: Sequence[float]) -> tuple[float, ...]:
    """Return P(theta >= cut) of each step 1 to 8; decreasing."""
    return tuple(probability_below((mean - np.asarray(cuts)) / sd).tolist())


def between(engine: Engine, posterior: Posterior, code: str, low: int, high: int) -> float:
    """Return P(the level of a competence or an area is one of low to high), levels 0 to 4."""
    weights, cuts = engine.loading(code), engine.framework.cuts
    mean, sd = float(weights @ posterior.mean), math.sqrt(weights @ posterior.cov @ weights)
    p = (1.0, *reached(mean, sd, cuts), 0.0)  # by step, 0 to 9
    return p[step_of_level(low)] - p[2 * high + 1]


def _standing(
    engine: Engine, posterior: Posterior, soll: int, code: str, pieces: int, judged: bool
) -> Standing:
    weights, cuts = engine.loading(code), engine.framework.cuts
    mean, sd = float(weights @ posterior.mean), math.sqrt(weights @ posterior.cov @ weights)
    p = reached(mean, sd, cuts)
    verdict = _verdict(p[soll - 1], judged) if soll else Verdict.NONE
    low, high = sum(x >= SURE for x in p), sum(x > UNSURE for x in p)
    ends = [axis_position(mean + side * Z_SURE * sd, cuts) for side in (-1, 1)]
    soll_pos = axis_position(cut_of_step(soll, cuts), cuts) if soll else 0.0
    if soll and not judged:
        low, high = min(low, soll - 1), max(high, soll)
        ends = [min(ends[0], soll_pos - UNJUDGED), max(ends[1], soll_pos + UNJUDGED)]
    low_pos, high_pos = _agreeing(verdict, ends[0], ends[1], soll_pos)
    return Standing(
        competency=code,
        soll=soll,
        ist=sum(x >= 0.5 for x in p),
        low=low,
        high=high,
        low_pos=low_pos,
        high_pos=high_pos,
        soll_pos=soll_pos,
        p=p[soll - 1] if soll else 1.0,
        verdict=verdict,
        inferred=pieces == 0,
        evidence=pieces,
    )


def _verdict(p: float, judged: bool) -> Verdict:
    if not judged:
        return Verdict.OPEN
    if p >= SURE:
        return Verdict.MET
    return Verdict.GAP if p <= UNSURE else Verdict.OPEN


def _agreeing(verdict: Verdict, low: float, high: float, soll: float) -> tuple[float, float]:
    """Return the field's ends on the side of the Soll that the verdict says.

    Both come from the same bounds, so this moves an end by rounding error at most; without it a
    probability of exactly .9 could read "erfüllt" under a field that touches the line from below.
    """
    if verdict is Verdict.MET:
        return max(low, soll), max(high, soll)
    if verdict is Verdict.GAP:
        return min(low, soll), min(high, soll)
    if verdict is Verdict.OPEN:
        return min(low, math.nextafter(soll, 0)), max(high, math.nextafter(soll, 5))
    return low, high


# --- self-image -----------------------------------------------------------------------------------


def self_images(engine: Engine, evidence: Sequence[Evidence]) -> tuple[SelfImage, ...]:
    """Return, per area with a measured competence, how self-reports and the rest go together.

    The over-rating is estimated from all other evidence and this area's self-reports only: the
    engine's bias dimension is one per person and would say the same of every area.
    """
    rest = tuple(e for e in evidence if not e.self_report)
    belief = engine.fold(rest)
    areas = (a for a in engine.framework.areas if any(not c.private for c in a.competencies))
    return tuple(_self_image(engine, belief, area, rest, evidence) for area in areas)


def _self_image(
    engine: Engine,
    belief: Posterior,
    area: Area,
    rest: Sequence[Evidence],
    evidence: Sequence[Evidence],
) -> SelfImage:
    codes = [c.code for c in area.competencies if c.code in engine.dimension]
    own = [e for e in evidence if e.self_report and e.competency in codes]
    # Without a single other answer in the area there is nothing to hold the self-image against.
    if len(own) < SELF_ANSWERS or not any(e.competency in codes for e in rest):
        return SelfImage(area.code, "unknown")
    posterior = engine.fold(own, belief)
    bias, sd = float(posterior.mean[-1]), math.sqrt(posterior.cov[-1, -1])
    theta = float(posterior.mean[[engine.dimension[c] for c in codes]].mean())
    cuts = engine.framework.cuts
    return SelfImage(
        area=area.code,
        word=_self_word(bias, sd),
        self_pos=axis_position(theta + bias, cuts),
        test_pos=axis_position(theta, cuts),
    )


def _self_word(bias: float, sd: float) -> str:
    higher = float(probability_below(np.asarray(bias / sd)))
    if higher >= SURE and bias >= FITS:
        return "higher"
    if higher <= UNSURE and bias <= -FITS:
        return "lower"
    return "fits" if abs(bias) < FITS else "unknown"
