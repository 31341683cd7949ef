"""Template filters for money and durations."""

from decimal import Decimal

from django import template

from workers_ui import durations
from workers_ui import money as words

register = template.Library()


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
