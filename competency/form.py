"""The fixed form: a list of questions that no answer changes (decisions 1.7, a tenant's switch).

Everybody with the same Soll and roles gets the same questions in the same order. They are chosen as
the engine would, but with the variance that is expected after each question instead of an answer,
and the mean of somebody nobody has asked.
"""

from dataclasses import replace

import numpy as np

from competency.assessment import Engine, Selection
from competency.candidates import Terms
from competency.posterior import Posterior
from competency.target import Target


def fixed_form(engine: Engine, target: Target, terms: Terms, length: int) -> tuple[str, ...]:
    """Return the keys of the form, first question first; shorter where the bank is."""
    endless = replace(  # nobody has answered: no verdict may end the form while it is made
        engine.config, max_items=length, decided=2.0, confident=2.0, negligible=-1.0, randomesque=1
    )
    maker = replace(engine, config=endless)
    terms = replace(terms, seed="", form=())
    belief, keys = maker.prior(), list[str]()
    while isinstance(step := maker.select(belief, target, keys, terms), Selection):
        keys.append(step.item.key)
        belief = _expected(maker, belief, step.item.key)
    return tuple(keys)


def _expected(engine: Engine, belief: Posterior, key: str) -> Posterior:
    """Return the belief with the covariance expected after an item, whatever is answered."""
    one = engine.pool.part(np.array([engine.pool.position[key]], dtype=np.intp))
    loading = one.loadings(len(belief.mean))[0]
    loaded = belief.cov @ loading
    s = float(loading @ loaded)
    chance, _, change = one.outcomes(np.array([loading @ belief.mean]), np.array([s]))
    g = loaded / s
    return Posterior(belief.mean, belief.cov + np.outer(g, g) * float(chance @ change))
