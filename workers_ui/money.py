"""Money in words: an amount with its currency as people write it."""

from decimal import ROUND_HALF_UP, Decimal

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "KES": "KSh ", "PHP": "₱", "BRL": "R$"}
WHOLE = {"JPY"}


def money(amount: Decimal, currency: str) -> str:
    """At least the currency's own decimals, more only where they hold something: $0.02, $0.015, €1.20, CHF 3.00."""
    places = 0 if currency in WHOLE else 2
    exact = amount.normalize()
    exponent = exact.as_tuple().exponent
    decimals = max(places, -exponent if isinstance(exponent, int) else places)
    sign = "−" if amount < 0 else ""
    return f"{sign}{SIGNS.get(currency, currency + ' ')}{abs(exact):,.{decimals}f}"


def rounded(amount: Decimal, currency: str) -> str:
    """To the currency's own decimals: for estimates and sums."""
    step = Decimal(1) if currency in WHOLE else Decimal("0.01")
    return money(amount.quantize(step, ROUND_HALF_UP), currency)
