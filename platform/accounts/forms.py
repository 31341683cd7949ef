"""allauth's forms with Annotary's labels, and stricter where needed."""

from typing import Any

from allauth.account import forms
from allauth.account.adapter import get_adapter
from allauth.account.forms import AddEmailForm as AnyEmailForm
from django.core.exceptions import ValidationError

from accounts.models import Actor, User

LABELS = {
    "login": "Email address",
    "email": "Email address",
    "remember": "Stay signed in",
    "oldpassword": "Current password",
    "password": "Password",
    "password1": "New password",
    "password2": "Confirm new password",
}


class AnnotaryLabels:
    """Sets Annotary's labels and removes the placeholders, which repeat allauth's."""

    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = LABELS.get(name, field.label)
            field.widget.attrs.pop("placeholder", None)

    def add_error(self, field: str | None, error: Any) -> None:
        # The one error to which allauth gives no name by which an adapter could replace it.
        if field == "password2" and not isinstance(error, ValidationError):
            error = "The two passwords differ. Enter the same one twice."
        super().add_error(field, error)  # type: ignore[misc]  # a form's


class LoginForm(AnnotaryLabels, forms.LoginForm):  # type: ignore[misc]  # allauth ships no types
    pass


class ChangePasswordForm(AnnotaryLabels, forms.ChangePasswordForm):  # type: ignore[misc]
    pass


class SetPasswordForm(AnnotaryLabels, forms.SetPasswordForm):  # type: ignore[misc]
    pass


class ResetPasswordForm(AnnotaryLabels, forms.ResetPasswordForm):  # type: ignore[misc]
    users: list[User]

    def clean_email(self) -> str:
        email: str = super().clean_email()
        self.users = [user for user in self.users if user.actor.kind != Actor.Kind.SERVICE]
        return email


class ResetPasswordKeyForm(AnnotaryLabels, forms.ResetPasswordKeyForm):  # type: ignore[misc]
    pass


class ReauthenticateForm(AnnotaryLabels, forms.ReauthenticateForm):  # type: ignore[misc]
    pass


class AddEmailForm(AnnotaryLabels, AnyEmailForm):  # type: ignore[misc]  # allauth ships no types
    """Refuses another person's address: making it the primary one would violate the unique constraint."""

    def clean_email(self) -> str:
        email: str = super().clean_email()
        if User.objects.filter(email__iexact=email).exclude(pk=self.user.pk).exists():
            raise get_adapter().validation_error("email_taken")
        return email
