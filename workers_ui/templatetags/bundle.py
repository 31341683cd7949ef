"""The URL of a page's script or style sheet: `{% bundle "set.js" %}`."""

from django import template
from django.conf import settings
from django.templatetags.static import static

register = template.Library()


@register.simple_tag
def bundle(name: str) -> str:
    """Return the URL of a built bundle or, with ANNOTARY_BROWSER_SOURCES, of the entry that it is built from.

    A browser loads an entry as it is, with one request for each module; see CONTRIBUTING.md.
    """
    folder = "entries" if settings.ANNOTARY_BROWSER_SOURCES else "bundles"
    return static(f"workers_ui/{folder}/{name}")
