"""Label methods other than the aggregation methods in `aggregation.registry`."""

#: A single answer, unchanged.
SINGLE = "single"
#: A reviewer's own version.
REVIEW = "review"
#: The owner's answer to a gold image.
GOLD = "gold"

#: Labels set by a person; new answers do not overwrite them.
SET_BY_PEOPLE = frozenset({REVIEW, GOLD})
