"""Class colors: the palette of Okabe and Ito, distinguishable with every kind of color vision.

Source: Okabe and Ito, "Color Universal Design", 2008. Its black comes last: it is hard to see on dark photographs.
"""

PALETTE = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#000000")
# Later rounds through the palette are mixed with white, then with black, so that consecutive colors still differ.
_MIXES = ((0.0, 0), (0.45, 255), (0.4, 0), (0.7, 255))


def default_color(number: int) -> str:
    """Return the color of the class with this number (from 1), as "#rrggbb"."""
    round_, index = divmod(number - 1, len(PALETTE))
    share, target = _MIXES[round_ % len(_MIXES)]
    channels = (int(PALETTE[index][at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(value + (target - value) * share):02x}" for value in channels)
