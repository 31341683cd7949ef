"""How a label came to be, beside the crowd's methods in `algorithms.registry`."""

#: One answer alone, as it was given.
SINGLE = "single"
#: A reviewer's own version.
REVIEW = "review"
#: The owner's own answer to a check image.
GOLD = "gold"

#: Labels that a person set; answers do not overwrite them.
SET_BY_PEOPLE = frozenset({REVIEW, GOLD})
