"""A list is called the same in the sidebar and above its rows."""

import re

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client

from aetos.navigation import GROUPS, _links

OURS = ("integrations", "listings", "scraping")
NAMES = {
    name: words
    for _, entries in GROUPS
    for _, words, name, _ in entries
    if name.startswith(tuple(f"admin:{app}_" for app in OURS))
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_the_page_says_what_the_sidebar_says(name: str) -> None:
    client, words = Client(), NAMES[name]
    client.force_login(User.objects.create_superuser("boss", password="a-long-enough-password"))

    answer = client.get(_links("/")[name], follow=True)

    app, model = name.removeprefix("admin:").removesuffix("_changelist").split("_")
    title = str(apps.get_model(app, model)._meta.verbose_name_plural)
    assert title[:1].upper() + title[1:] == words
    assert answer.status_code == 200
    # Once in the sidebar, and at least once more above the rows.
    assert len(re.findall(rf">\s*{words}\s*<", answer.content.decode())) > 1
