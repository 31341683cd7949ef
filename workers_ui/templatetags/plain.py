"""Template filters for money, durations and sizes of files, and what pages say about mail."""

from decimal import Decimal

from django import template
from django.conf import settings

from workers_ui import durations
from workers_ui import money as words

register = template.Library()


@register.simple_tag
def mail_goes_to_files() -> bool:
    """Whether mail is written to files instead of being sent, as it is on a single machine (`up`)."""
    return bool(settings.EMAIL_BACKEND == "django.core.mail.backends.filebased.EmailBackend")


@register.filter
def money(amount: Decimal, currency: str) -> str:
    """{{ price|money:"USD" }}: with every significant decimal."""
    return words.money(amount, currency)


@register.filter
def money_about(amount: Decimal, currency: str) -> str:
    """{{ sum|money_about:"USD" }}: rounded to the currency's own decimals."""
    return words.format_rounded(amount, currency)


@register.filter
def span(seconds: float) -> str:
    """{{ seconds|span }}: 2 minutes."""
    return durations.span(seconds)


@register.filter
def megabytes(size: int) -> str:
    """{{ bytes|megabytes }}: about 4.2 MB, about 42 MB; less than 0.1 MB."""
    count = size / 1_000_000
    if count < 0.1:
        return "less than 0.1 MB"
    return f"about {count:.1f} MB" if count < 10 else f"about {count:,.0f} MB"
