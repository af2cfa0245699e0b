"""Writes: who else may read a conversation."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext

from conversations.models import Conversation, Share, ShareReader
from conversations.selectors.branches import latest_leaf
from conversations.selectors.conversations import require_unarchived
from conversations.services.holding import hold, require_kept
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import Conflict, InvalidInput, PermissionRefused
from tenants.models import Group, Membership
from tenants.permissions import Action
from tenants.selectors import get_tenant

MAX_READERS = 100


def create_share(
    *,
    access: Access,
    conversation: Conversation,
    people: Sequence[UUID] = (),
    groups: Sequence[UUID] = (),
    is_by_link: bool = False,
    is_living: bool = False,
    expires_at: datetime | None = None,
) -> Share:
    """Let members, groups, or everybody of the organisation who has the link, read a conversation of one's own.

    They read the branch that it is at as it stands now, or, living, as it goes on. Raises `PermissionRefused`
    where the organisation does not allow that, `InvalidInput` with pointers, and `Conflict` for an empty or an
    archived one.
    """
    access.require(Action.SHARE)
    if not get_tenant(access.tenant_id).members_may_share:
        raise PermissionRefused("Your organisation does not share conversations.", code="sharing_is_off")
    _require_sense(people, groups, expires_at, is_by_link=is_by_link)
    with tenant_atomic(access.tenant_id):
        # Held: what it shows does not go into an archive at this moment.
        _require_lasting(hold(conversation))
        leaf = latest_leaf(conversation)
        if leaf is None:
            raise Conflict("There is nothing in this conversation yet.", code="conversation_empty")
        readers = [*_members(access, people), *_groups(groups)]
        share: Share = Share.objects.create(
            conversation=conversation,
            created_by_id=access.user_id,
            leaf=leaf,
            is_living=is_living,
            is_by_link=is_by_link,
            expires_at=expires_at,
        )
        for reader in readers:
            reader.share = share
        ShareReader.objects.bulk_create(readers)
        _note_created(access, share, people=people, groups=groups)
    return share


def _require_lasting(conversation: Conversation) -> None:
    """`Conflict` for one whose messages are in a file or go by themselves."""
    require_kept(conversation)
    require_unarchived(conversation)


def _note_created(access: Access, share: Share, *, people: Sequence[UUID], groups: Sequence[UUID]) -> None:
    record(
        access,
        "share.created",
        target_kind="share",
        target_id=share.id,
        conversation=str(share.conversation_id),
        people=[str(one) for one in dict.fromkeys(people)],
        groups=[str(one) for one in dict.fromkeys(groups)],
        link=share.is_by_link,
        follows=share.is_living,
    )


def end_share(*, access: Access, share: Share) -> None:
    """One's own for everybody; of another's, a link that one has opened goes off one's list."""
    if share.created_by_id == access.user_id:
        revoke_share(access=access, share=share)
    else:
        put_away_share(access=access, share=share)


def put_away_share(*, access: Access, share: Share) -> None:
    """Forget that one has opened its link, until one opens it again. `PermissionRefused` for whoever is named."""
    access.require(Action.CHAT)
    with tenant_atomic(access.tenant_id):
        opened = ShareReader.objects.filter(share=share, membership__user=access.user_id, is_by_link=True)
        if not opened.delete()[0]:
            raise PermissionRefused("Only who shared a conversation ends that.")
        record(access, "share.put_away", target_kind="share", target_id=share.id)


def revoke_share(*, access: Access, share: Share) -> None:
    """End a share at once: the next read of it finds nothing. For whoever made it."""
    access.require(Action.CHAT)
    if share.created_by_id != access.user_id:
        raise PermissionRefused("Only who shared a conversation ends that.")
    with tenant_atomic(access.tenant_id):
        if Share.objects.filter(id=share.id, revoked_at=None).update(revoked_at=timezone.now()):
            record(access, "share.revoked", target_kind="share", target_id=share.id)


def erase_shares_of(user_id: UUID, removed: Counter[str]) -> None:
    """End all that a person shares, for good. Registered with `on_person_erased`."""
    gone = Share.objects.filter(created_by_id=user_id).delete()[1]
    for model in (Share, ShareReader):
        removed[model._meta.db_table] += gone.get(model._meta.label, 0)


def note_opened(*, access: Access, share: Share) -> None:
    """Somebody else has read it; each time is recorded. Who came by its link has it among theirs from now on."""
    if share.created_by_id == access.user_id:
        return
    with tenant_atomic(access.tenant_id):
        record(access, "share.opened", target_kind="share", target_id=share.id)
        membership = Membership.objects.filter(user=access.user_id).first()
        if share.is_by_link and membership is not None:
            opened = ShareReader(share=share, membership=membership, is_by_link=True)
            # Whoever is named already stays so, and two who open it at once are one.
            ShareReader.objects.bulk_create([opened], ignore_conflicts=True)


def _require_sense(
    people: Sequence[UUID], groups: Sequence[UUID], expires_at: datetime | None, *, is_by_link: bool
) -> None:
    if not people and not groups and not is_by_link:
        detail = gettext("Name people or groups, or share it by link.")
        raise InvalidInput.at("", detail, "required")
    for pointer, named in (("/people", people), ("/groups", groups)):
        if len(named) > MAX_READERS:
            raise InvalidInput.at(
                pointer,
                gettext("Name up to {max_readers}; more are better a group.").format(max_readers=MAX_READERS),
                "max_length",
            )
    if expires_at is not None and expires_at <= timezone.now():
        raise InvalidInput.at("/expires_at", "This moment has passed.", "past")


def _members(access: Access, people: Sequence[UUID]) -> list[ShareReader]:
    found = {one.user_id: one for one in Membership.objects.filter(user__in=people)}
    for place, wanted in enumerate(people):
        if wanted not in found:
            raise InvalidInput.at(f"/people/{place}", "There is no such member.", "unknown_id")
        if wanted == access.user_id:
            raise InvalidInput.at(f"/people/{place}", "This is your own conversation.", "own")
    return [ShareReader(membership=found[one]) for one in dict.fromkeys(people)]


def _groups(groups: Sequence[UUID]) -> list[ShareReader]:
    found = {one.id: one for one in Group.objects.filter(id__in=groups)}
    for place, wanted in enumerate(groups):
        if wanted not in found:
            raise InvalidInput.at(f"/groups/{place}", "There is no such group.", "unknown_id")
    return [ShareReader(group=found[one]) for one in dict.fromkeys(groups)]
