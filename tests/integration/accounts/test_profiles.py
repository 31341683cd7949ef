"""What people say of country and languages, and the device that they work on."""

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory

from accounts.errors import ProfileRefused
from accounts.profiles import change_profile, device_of, record_device
from tests import factories

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"
ANDROID = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36"
TABLET = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"
LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


@pytest.mark.parametrize(
    ("agent", "device"), [(IPHONE, "phone"), (ANDROID, "phone"), (TABLET, "tablet"), (LINUX, "desktop"), ("curl/8", "")]
)
def test_the_kind_of_a_device(agent: str, device: str) -> None:
    assert device_of(agent) == device


@pytest.mark.django_db
def test_what_is_said_is_normalized_and_checked() -> None:
    user = factories.a_user("wren")
    change_profile(user=user, country=" de", languages=["DE", " en ", "de", ""])
    user.refresh_from_db()
    assert (user.country, user.languages) == ("DE", ["de", "en"])
    for country, languages in (
        ("Germany", []),
        ("D1", []),
        ("DE", ["german"]),
        ("", ["de"] + [f"a{n}" for n in range(9)]),
    ):
        with pytest.raises(ProfileRefused):
            change_profile(user=user, country=country, languages=languages)
    user.refresh_from_db()
    assert user.country == "DE"


@pytest.mark.django_db
def test_the_last_device_counts_and_programs_leave_it() -> None:
    cache.clear()
    user = factories.a_user("wren")
    for agent, device in ((LINUX, "desktop"), (IPHONE, "phone"), (LINUX, "desktop"), ("curl/8", "desktop")):
        request = RequestFactory(headers={"User-Agent": agent}).get("/work/")
        record_device(request, actor=user.actor)
        user.refresh_from_db()
        assert user.device == device


@pytest.mark.django_db
def test_the_account_page_saves_it_and_says_what_is_wrong() -> None:
    user = factories.a_user("wren")
    client = Client()
    client.force_login(user)
    saved = client.post("/me/profile/", {"country": "at", "languages": "de, en"}, follow=True)
    assert 'value="AT"' in saved.content.decode() and 'value="de, en"' in saved.content.decode()
    refused = client.post("/me/profile/", {"country": "1", "languages": ""}, follow=True)
    assert "two letters" in refused.content.decode()
