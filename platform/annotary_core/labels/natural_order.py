"""The order in which people expect names: numbers within them by value, so that 2 comes before 10."""

import re

_NUMBER = re.compile("([0-9]+)")


def natural_key(name: str) -> tuple[list[tuple[int, str]], str]:
    """Return a key that sorts names without regard to case, and digits by the number that they write.

    Names that differ otherwise only by case or leading zeros are in the order of their code points.
    """
    texts_and_numbers = enumerate(_NUMBER.split(name.casefold()))
    # Every second part is a number, so that a number is never compared with a text.
    parts = [(len(part.lstrip("0")), part.lstrip("0")) if at % 2 else (0, part) for at, part in texts_and_numbers]
    return parts, name
