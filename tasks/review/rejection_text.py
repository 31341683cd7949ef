"""What a person says of a rejected label or answer: a reason and a part of the image. Pure, apart from the errors."""

import re

from tasks.review.errors import CheckImageNamed, ReasonMissing, RegionRefused

MAX_REASON = 500
_TELLING = re.compile(r"\bcheck[\s-]*images?\b", re.IGNORECASE)


def read_reason(reason: str, *, is_shown: bool = True) -> str:
    """Raises ReasonMissing, and CheckImageNamed for words from which a worker to whom it is shown would learn what the
    image is."""
    cleaned = reason.strip()
    if not cleaned or "\0" in cleaned:
        raise ReasonMissing
    if len(cleaned) > MAX_REASON:
        raise ReasonMissing(f"The reason has {len(cleaned)} characters. Use at most {MAX_REASON}.")
    if is_shown:
        refuse_telling(cleaned)
    return cleaned


def refuse_telling(text: str) -> None:
    """Raise CheckImageNamed for words from which a worker would learn what an image is."""
    if _TELLING.search(text):
        raise CheckImageNamed


def read_region(raw: object, *, width: int, height: int) -> dict[str, float] | None:
    """Parse a part of an image, in pixels of the upright image; what is outside is cut off. Raises RegionRefused."""
    if raw is None:
        return None
    if not isinstance(raw, dict) or set(raw) != {"x", "y", "w", "h"}:
        raise RegionRefused
    numbers = [raw[name] for name in ("x", "y", "w", "h")]
    if any(isinstance(each, bool) or not isinstance(each, int | float) or abs(each) > 1e9 for each in numbers):
        raise RegionRefused
    x, y, w, h = (float(each) for each in numbers)
    left, top, right, bottom = max(x, 0.0), max(y, 0.0), min(x + w, float(width)), min(y + h, float(height))
    # Written so that NaN is refused as well.
    if not (right > left and bottom > top):
        raise RegionRefused
    return {"x": round(left), "y": round(top), "w": max(1, round(right - left)), "h": max(1, round(bottom - top))}
