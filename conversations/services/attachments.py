"""Writes: files attached to one conversation, which it alone is asked of."""

from collections.abc import Sequence
from uuid import UUID

from conversations.models import Conversation
from conversations.selectors.conversations import access_attachment
from conversations.services.holding import Lock, require_open
from documents.services.attached import attached_collection, remove_attached
from documents.services.files import IncomingFile
from documents.services.uploads import UploadOptions, UploadResult, receive_files
from tenants.access import Access
from tenants.db import tenant_atomic
from tenants.permissions import Action


def attach_files(
    *, access: Access, conversation: Conversation, files: Sequence[IncomingFile]
) -> list[UploadResult]:
    """Store each file and queue its processing, as `receive_files` does; its limits are everybody's.

    `Conflict` for a conversation that has ended.
    """
    with tenant_atomic(access.tenant_id):
        # Files take their time: questions may be asked meanwhile.
        require_open(conversation, lock=Lock.SHARED)
        collection = attached_collection(access=access, attached_to=conversation.id)
        return receive_files(
            access=access,
            files=files,
            collection=collection,
            options=UploadOptions(),
            action=Action.ATTACH_FILES,
        )


def remove_attachment(*, access: Access, conversation: Conversation, document_id: UUID) -> None:
    """Delete one with all that was made of it. Answers that cite it stay, without its words."""
    remove_attached(access=access, document=access_attachment(access, conversation, document_id))
