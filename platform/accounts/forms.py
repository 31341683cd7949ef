"""Stricter versions of allauth's forms."""

from allauth.account.adapter import get_adapter
from allauth.account.forms import AddEmailForm as AnyEmailForm

from accounts.models import User


class AddEmailForm(AnyEmailForm):  # type: ignore[misc]  # allauth ships no types
    """Refuses another person's address: making it the primary one would violate the unique constraint."""

    def clean_email(self) -> str:
        email: str = super().clean_email()
        if User.objects.filter(email__iexact=email).exclude(pk=self.user.pk).exists():
            raise get_adapter().validation_error("email_taken")
        return email
