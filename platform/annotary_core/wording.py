"""Words for people, wherever no template does it with `pluralize`."""


def format_count(count: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun: "1 box", "1,200 boxes". The plural defaults to the singular with an s."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"
