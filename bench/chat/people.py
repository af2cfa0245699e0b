"""Members of an organisation, each with a token and a conversation; run by `manage.py shell`."""

from __future__ import annotations

import json

from conversations.services.conversations import create_conversation
from tenants.access import access_by_membership, access_of_cli
from tenants.models import User
from tenants.permissions import Role
from tenants.services.members import add_member
from tenants.services.tokens import create_token


def make(slug: str, names: str, count: int) -> None:
    """Print as one line of JSON the token and the conversation of each; their addresses begin with `names`."""
    owner = access_of_cli(slug)
    people = []
    for number in range(count):
        user = User.objects.create_user(
            email=f"{names}{number}@example.org", password=None, name=f"Person {number}"
        )
        add_member(access=owner, user=user, role=Role.MEMBER)
        access = access_by_membership(user, slug)
        conversation = create_conversation(access=access)
        people.append([create_token(access=access, name="bench").value, str(conversation.id)])
    print(json.dumps(people))
