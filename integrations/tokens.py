"""API tokens: DRF's, with the one query that each call begins with written once."""

from typing import Any

from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _
from rest_framework import authentication, exceptions
from rest_framework.authtoken.models import Token

from integrations.prepared import Prepared, the

_OWNER = Prepared(
    lambda asked: get_user_model()._default_manager.filter(auth_token__key=asked),
    the(Token._meta.get_field("key")),
)


class TokenAuthentication(authentication.TokenAuthentication):
    """`Authorization: Token …`, answered as DRF's own does."""

    def authenticate_credentials(self, key: str) -> tuple[Any, str]:
        """Return who has the token, and the token.

        Raises:
            AuthenticationFailed: nobody has it, or the account was ended.
        """
        user = _OWNER.first(key)
        if user is None:
            raise exceptions.AuthenticationFailed(_("Invalid token."))
        if not user.is_active:
            raise exceptions.AuthenticationFailed(_("User inactive or deleted."))
        return user, key
