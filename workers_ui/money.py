"""Format money: an amount with its currency, as people write it."""

from decimal import ROUND_HALF_UP, Decimal

SIGNS = {
    "USD": "$",
    "EUR": "€",
    "GBP": "£",
    "JPY": "¥",
    "INR": "₹",
    "KES": "KSh ",
    "PHP": "₱",
    "BRL": "R$",
    "CAD": "CA$",
    "AUD": "A$",
}
WITHOUT_MINOR_UNIT = {"JPY"}


def money(amount: Decimal, currency: str) -> str:
    """Format with the currency's own decimals, and more only when significant: $0.02, $0.015, €1.20, CHF 3.00."""
    minimum = 0 if currency in WITHOUT_MINOR_UNIT else 2
    exact = amount.normalize()
    exponent = exact.as_tuple().exponent
    decimals = max(minimum, -exponent if isinstance(exponent, int) else minimum)
    sign = "−" if amount < 0 else ""
    return f"{sign}{SIGNS.get(currency, currency + ' ')}{abs(exact):,.{decimals}f}"


def format_rounded(amount: Decimal, currency: str) -> str:
    """Format rounded to the currency's own decimals, for estimates and totals."""
    step = Decimal(1) if currency in WITHOUT_MINOR_UNIT else Decimal("0.01")
    return money(amount.quantize(step, ROUND_HALF_UP), currency)
