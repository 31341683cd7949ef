"""A minimal Django site without what this project adds: only Django's sessions, CSRF protection and sign-in."""

from annotary.settings.embedded import *  # noqa: F403
from annotary.settings.embedded import INSTALLED_APPS as ALL_APPS

# allauth's app requires its middleware.
INSTALLED_APPS = [app for app in ALL_APPS if not app.startswith("allauth")]
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "tests.benchmarks.minimal.site"
