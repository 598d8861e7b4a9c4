"""What can go wrong in the core, one name per cause. No error here carries an answer or a name."""


class CompetencyError(Exception):
    """Something in the core was asked to do what its data does not allow."""


class InvalidResponse(CompetencyError):
    """A response that cannot be scored as it is."""


class IncompleteResponse(InvalidResponse):
    """Something is still missing: the learner can complete it ("Hier fehlt noch etwas")."""


class MalformedResponse(InvalidResponse):
    """Not a response to this item: wrong shape, or an option that does not exist."""


class NotScored(CompetencyError):
    """A reflection is private and has no category."""


class UnknownCompetency(CompetencyError):
    """A competence the framework does not measure: not there, or private."""


class UnknownItem(CompetencyError):
    """An item key that is not in this version of the bank."""


class InvalidObservation(CompetencyError):
    """Parameters or a category that the graded response model has no meaning for."""


class InvalidBlueprint(CompetencyError):
    """A content blueprint that cannot be read, or that no attempt can keep."""


class InvalidPrior(CompetencyError):
    """Correlations that do not make a covariance."""


class PackError(CompetencyError):
    """A content pack that cannot be read; the message names file, place and field."""


class UnknownPack(PackError):
    """A pack (version) that is not in the content directory."""


class ChecksumMismatch(PackError):
    """A file of a pack is not the one that was sealed."""


class TableError(CompetencyError):
    """A table of answers or items that cannot be read; names file, line and column."""


class NotCalibrated(CompetencyError):
    """A bank that cannot be made, or does not fit what it is asked for."""
