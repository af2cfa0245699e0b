"""Docent's answers to what django-allauth asks: one adapter for each of its parts."""

from tenants.adapters.accounts import AccountAdapter
from tenants.adapters.second_factor import SecondFactorAdapter
from tenants.adapters.sessions import SessionsAdapter
from tenants.adapters.signin import SignInAdapter

__all__ = ["AccountAdapter", "SecondFactorAdapter", "SessionsAdapter", "SignInAdapter"]
