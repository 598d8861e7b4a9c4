"""The garbage collector of a process that lives long: what is loaded stays, so let it be."""

import gc

#: Objects made until the collector looks: a page of 500 statements makes 40,000, all used till its
#: end. By default (700) it would look through everything there is several times meanwhile.
NEW_OBJECTS = 50_000


def settle() -> None:
    """Call once, when everything is loaded: by then nothing that is there is garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 20, 20)


def sweep() -> None:
    """Call after each large piece of work, when it is out of hand: now is little to look through.

    What SQLAlchemy builds refers to itself in circles; few objects, but each holds all values that
    were asked for. Until NEW_OBJECTS have come together, those of 200 pages would lie about.
    """
    gc.collect(1)
