"""Lengths of time in words."""


def span(seconds: float) -> str:
    """About how long: 10 seconds, 2 minutes, 1 hour 30 minutes."""
    whole = round(seconds)
    if whole < 90:
        return _count(max(whole, 1), "second")
    minutes = round(whole / 60)
    if minutes < 90:
        return _count(minutes, "minute")
    hours, rest = divmod(minutes, 60)
    return _count(hours, "hour") + (f" {_count(rest, 'minute')}" if rest else "")


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
