"""Telling people that a webhook was disabled without their having asked for it."""

from django.core.mail import send_mail
from django.template.loader import render_to_string

from tenants.db import tenant_atomic
from tenants.locales import speaking_to
from tenants.models import DisabledReason, Membership, Tenant, Webhook
from tenants.permissions import Role


def tell_of_disabling(webhook: Webhook, reason: DisabledReason) -> None:
    """By mail: the person whose sight it had or, where that is the trouble, the owners."""
    assert webhook.tenant_id is not None
    with tenant_atomic(webhook.tenant_id):
        members = Membership.objects.filter(user__is_active=True)
        if reason is DisabledReason.PERSON_LEFT:
            members = members.filter(role=Role.OWNER)
        else:
            members = members.filter(user_id=webhook.acts_for_id)
        people = [one.user for one in members.select_related("user")]
        organisation = Tenant.objects.get(id=webhook.tenant_id).name
    context = {"webhook": webhook, "reason": reason.value, "organisation": organisation}
    for person in people:
        with speaking_to(person):
            subject = render_to_string("webhooks/disabled_subject.txt", context)
            body = render_to_string("webhooks/disabled.txt", context)
        send_mail(" ".join(subject.split()), body, None, [person.email])
