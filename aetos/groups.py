"""The two groups of staff that exist after `migrate`."""

from typing import Any

from django.apps import apps

VIEWERS, OPERATORS = "Viewers", "Operators"
APPS = ("listings", "scraping", "integrations")
# What an operator may do beyond looking; rows themselves are never added, changed or deleted by hand.
OPERATOR_PERMISSIONS = (
    ("listings", "transition_productlisting"),
    ("listings", "add_photo"),
    ("listings", "arrange_photo"),
    ("listings", "delete_photo"),
    ("listings", "change_ebayoffer"),
    ("listings", "add_ledgerline"),
    ("listings", "correct_ledgerline"),
    ("listings", "throw_killswitch"),
    ("listings", "add_outreachrule"),
    ("listings", "change_outreachrule"),
    ("listings", "delete_outreachrule"),
    ("listings", "change_outreachsettings"),
    ("scraping", "trigger_scrape"),
    ("scraping", "replay_invalidmatch"),
    ("scraping", "add_searchplan"),
    ("scraping", "change_searchplan"),
    ("scraping", "delete_searchplan"),
    ("integrations", "change_telegramsettings"),
    ("integrations", "replay_inboxmessage"),
    ("integrations", "redeliver_outboxmessage"),
)


def create_groups(*, using: str, **kwargs: Any) -> None:
    """Receive `post_migrate`: make the groups and give them what they lack; what staff added is kept."""
    from django.contrib.auth.management import create_permissions
    from django.contrib.auth.models import Group, Permission

    for label in APPS:
        create_permissions(apps.get_app_config(label), verbosity=0, using=using)
    permissions = Permission.objects.using(using).filter(content_type__app_label__in=APPS)
    views = list(permissions.filter(codename__startswith="view_"))
    acts = [
        each for each in permissions if (each.content_type.app_label, each.codename) in OPERATOR_PERMISSIONS
    ]
    viewers, _ = Group.objects.using(using).get_or_create(name=VIEWERS)
    operators, _ = Group.objects.using(using).get_or_create(name=OPERATORS)
    viewers.permissions.add(*views)
    operators.permissions.add(*views, *acts)
