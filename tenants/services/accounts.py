"""Writes: people's own accounts."""

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str

from tenants.links import global_url
from tenants.models import User


def password_link(user: User) -> str:
    """The path of a page where a person sets a password; good once, for an hour."""
    key = default_token_generator.make_token(user)
    return global_url("account_reset_password_from_key", user_pk_to_url_str(user), key)
