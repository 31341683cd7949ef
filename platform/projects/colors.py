"""Colours of classes: the palette of Okabe and Ito, told apart with every kind of colour vision.

Source: Okabe and Ito, "Color Universal Design", 2008. Its black comes last, since it is lost on dark photographs.
"""

PALETTE = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#000000")
# Later rounds of the palette are mixed with white, and with black after that, so that neighbours still differ.
_MIXES = ((0.0, 0), (0.45, 255), (0.4, 0), (0.7, 255))


def default_color(number: int) -> str:
    """The colour of the class with this number (from 1), as "#rrggbb"."""
    round_, place = divmod(number - 1, len(PALETTE))
    share, towards = _MIXES[round_ % len(_MIXES)]
    channels = (int(PALETTE[place][at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(value + (towards - value) * share):02x}" for value in channels)
