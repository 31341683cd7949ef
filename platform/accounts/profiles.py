"""What a person says of themselves, and what kind of device they work on. Projects can ask for either.

Nothing proves what a person says: a filter by country or language keeps out those who do not lie.
"""

import re
from collections.abc import Collection, Mapping, Sequence

from django.core.cache import cache
from django.http import HttpRequest

from accounts.errors import NoticeMailRefused, ProfileRefused
from accounts.models import Actor, User

MAX_LANGUAGES = 10
#: How often a person gets mails about a kind of notice; the first is what they get who have not chosen.
MAIL_CHOICES = ("daily", "once", "never")
_COUNTRY, _LANGUAGE = re.compile(r"[A-Z]{2}"), re.compile(r"[a-z]{2,3}")
_SECONDS_BETWEEN_WRITES = 12 * 3600


def change_profile(*, user: User, country: str, languages: Sequence[str]) -> None:
    """Save the country, two letters or empty, and the languages, two or three letters each. Raises ProfileRefused."""
    code = country.strip().upper()
    if code and not _COUNTRY.fullmatch(code):
        raise ProfileRefused("Write the country as two letters, such as DE. Leave it empty if you do not want to say.")
    spoken = list(dict.fromkeys(each.strip().lower() for each in languages if each.strip()))
    if len(spoken) > MAX_LANGUAGES or not all(_LANGUAGE.fullmatch(each) for each in spoken):
        raise ProfileRefused(
            f"Write each language as two or three letters, such as de, separated by commas, at most {MAX_LANGUAGES}."
        )
    User.objects.filter(pk=user.pk).update(country=code, languages=spoken)


def change_notice_mail(*, user: User, values: Mapping[str, str], kinds: Collection[str]) -> None:
    """Save how often the person gets mails about these kinds of notices; others stay. Raises NoticeMailRefused."""
    if not all(kind in kinds and choice in MAIL_CHOICES for kind, choice in values.items()):
        raise NoticeMailRefused
    row = User.objects.select_for_update(no_key=True, of=("self",)).get(pk=user.pk)
    User.objects.filter(pk=row.pk).update(notice_mail={**(row.notice_mail or {}), **values})


def record_device(request: HttpRequest, *, actor: Actor) -> None:
    """Record the kind of device that a browser's request comes from, unless that kind was recorded last."""
    kind = device_of(request.headers.get("User-Agent", ""))
    key = f"device:{actor.pk}"
    if kind and cache.get(key) != kind:
        User.objects.filter(actor=actor).update(device=kind)
        cache.set(key, kind, _SECONDS_BETWEEN_WRITES)


def device_of(agent: str) -> str:
    """Return phone, tablet or desktop; empty for what is not a browser."""
    if not agent.startswith("Mozilla/"):
        return ""
    if "iPad" in agent or ("Android" in agent and "Mobile" not in agent):
        return "tablet"
    return "phone" if "Mobi" in agent else "desktop"
