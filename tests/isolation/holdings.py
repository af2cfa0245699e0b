"""One row of every model that organisations administer, distinguishable at sight, made without any server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import models
from django.utils import timezone

from conversations.models import Conversation, Message, Persona, Role, Site, Status
from documents.models import (
    Collection,
    CollectionGrant,
    Document,
    DocumentVersion,
    EmbeddingIndex,
    MaskingPolicy,
)
from documents.models import Status as DocumentStatus
from documents.services.processing import READ
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.models import (
    ApiToken,
    Export,
    Group,
    GroupMember,
    Invitation,
    Job,
    Membership,
    Quota,
    QuotaFor,
    QuotaKind,
    SignInProvider,
    Tenant,
    UsageDay,
    Webhook,
    WebhookDelivery,
)
from tenants.vault import seal
from tenants.webhooks.signing import new_secret
from tests.people import Person


@dataclass(frozen=True, slots=True)
class Holding:
    """One row of every registered model, each of which says whose it is."""

    person: Person
    rows: Mapping[type[models.Model], UUID]

    def url(self, model: type[models.Model], tail: str = "") -> str:
        return f"/o/{self.person.slug}/admin/{model._meta.app_label}/{model._meta.model_name}/{tail}"

    def get(self, url: str, data: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        return self.person.client.get(url, data, **kwargs)

    def post(self, url: str, data: dict[str, Any], **kwargs: Any) -> Any:
        return self.person.client.post(url, data, **kwargs)


def holding_of(person: Person) -> Holding:
    access, slug = person.access, person.slug
    now = timezone.now()
    with tenant_atomic(access.tenant_id):
        membership = Membership.objects.get(user=person.user)
        group = Group.objects.create(name=f"Board of {slug}")
        GroupMember.objects.create(group=group, membership=membership)
        collection = Collection.objects.create(name=f"Minutes of {slug}", slug="minutes", is_restricted=True)
        CollectionGrant.objects.create(collection=collection, group=group)
        document = Document.objects.create(
            collection=collection,
            name=f"{slug}.pdf",
            title=f"Plans of {slug}",
            sha256="0" * 64,
            size=1,
            media_type="application/pdf",
            status=DocumentStatus.FAILED,
            error_code="unreadable",
            error_detail=f"{slug} cannot be read.",
            uploaded_by_id=person.user.pk,
        )
        version = DocumentVersion.objects.create(
            document=document, number=1, sha256="0" * 64, size=1, media_type="application/pdf", storage_key="none"
        )
        webhook = Webhook(
            url=f"https://{slug}.example/told",
            description=f"Intranet of {slug}",
            events=["quota.near"],
            acts_for_id=person.user.pk,
        )
        webhook.sealed_secret = seal(new_secret(), tenant_id=access.tenant_id, purpose=f"webhook {webhook.id}")
        webhook.save()
        conversation = Conversation.objects.create(author_id=person.user.pk, title=f"Secrets of {slug}")
        Message.objects.create(
            conversation=conversation,
            role=Role.USER,
            content=f"Where does {slug} hide it?",
            status=Status.FINISHED,
        )
        rows = (
            membership,
            group,
            collection,
            document,
            conversation,
            Persona.objects.create(
                name=f"Adviser of {slug}",
                slug="adviser",
                instructions=f"Be like {slug}.",
                model=f"voice-of-{slug}",
            ),
            Site.objects.create(name=f"Site of {slug}", key=f"key-{slug}", origins=[f"https://{slug}.example"]),
            Tenant.objects.get(id=access.tenant_id),
            ApiToken.objects.get(user=person.user),
            Invitation.objects.create(
                email=f"new@{slug}.example",
                role="viewer",
                secret_sha256=f"hash of {slug}".encode(),
                invited_by_id=person.user.pk,
                expires_at=now + timedelta(days=1),
            ),
            SignInProvider.objects.create(
                name=f"{slug} log-in",
                issuer=f"https://{slug}.example",
                client_id=slug,
                sealed_secret=f"seal of {slug}".encode(),
                domains=[f"{slug}.example"],
            ),
            Quota.objects.create(
                kind=QuotaKind.BYTES, applies_to=QuotaFor.PERSON, user_id=person.user.pk, amount=99
            ),
            UsageDay.objects.create(day=now.date(), user_id=person.user.pk, model=f"model-of-{slug}"),
            Export.objects.create(
                requested_by_id=person.user.pk, error_detail=f"{slug} is full", expires_at=now, storage_key=slug
            ),
            EmbeddingIndex.objects.create(model=f"embedder-of-{slug}", dimensions=3, status="active"),
            MaskingPolicy.objects.create(patterns=[{"name": f"Case of {slug}", "pattern": f"{slug}-[0-9]+"}]),
            record(access, f"{slug}.looked", target_kind=slug, target_id=group.id),
            webhook,
            WebhookDelivery.objects.create(
                webhook=webhook,
                event_id=uuid4(),
                kind="quota.near",
                payload=json.dumps({"data": {"kind": f"bytes of {slug}"}}),
                status="delivered",
                answer=f"{slug} has it",
            ),
            Job.objects.create(
                tenant_id=access.tenant_id, kind=READ, target_id=version.id, run_at=now, dead_at=now, attempts=3
            ),
        )
    return Holding(person, {type(row): row.pk for row in rows})
