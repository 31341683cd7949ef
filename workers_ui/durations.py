"""Format durations in words."""


def span(seconds: float) -> str:
    """Format a duration, rounded: 10 seconds, 2 minutes, 1 hour 30 minutes."""
    rounded = round(seconds)
    if rounded < 90:
        return _count(max(rounded, 1), "second")
    minutes = round(rounded / 60)
    if minutes < 90:
        return _count(minutes, "minute")
    hours, rest = divmod(minutes, 60)
    return _count(hours, "hour") + (f" {_count(rest, 'minute')}" if rest else "")


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
