"""Web sites that show the widget, as their managers and their visitors find them."""

import hmac
import re
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.utils.html import escape

from conversations.models import Site, SiteCollection
from conversations.models.sites import KEY_LENGTH
from tenants.access import Access, access_of_visitor, decode_token_id, encode_token_id
from tenants.addresses.links import absolute
from tenants.db import tenant_atomic
from tenants.errors import NotFound
from tenants.models import Tenant
from tenants.permissions import Action

_KEY = re.compile(rf"([0-9A-Za-z]{{43}})([0-9A-Za-z]{{{KEY_LENGTH}}})")


def list_sites(access: Access) -> QuerySet[Site]:
    """The organisation's, each with its `chosen_collections`."""
    access.require(Action.MANAGE_TENANT)
    links = SiteCollection.objects.order_by("collection__name", "id")
    found: QuerySet[Site] = Site.objects.prefetch_related(Prefetch("chosen_collections", links))
    return found


def access_site(access: Access, site_id: UUID) -> Site:
    found = list_sites(access).filter(id=site_id).first()
    if found is None:
        raise NotFound("There is no such web site.")
    return found


def name_sites(ids: list[UUID], names: dict[UUID, str]) -> None:
    """What visitors used counts as their site's. Registered with `on_spenders_named`."""
    names |= dict(Site.objects.filter(id__in=ids).values_list("id", "name")) if ids else {}


def public_key(site: Site) -> str:
    """What a page names the site by: organisation and row, and a part that can be made anew. No secret."""
    return encode_token_id(cast("UUID", site.tenant_id), site.id) + site.key


def snippet(site: Site) -> str:
    """What is pasted into a page to show the widget there."""
    accent, src = escape(site.accent), escape(absolute("/widget/v1.js"))
    return f'<script src="{src}" data-site="{public_key(site)}" data-accent="{accent}" async></script>'


@dataclass(frozen=True, slots=True)
class OpenSite:
    """A site as a visitor finds it: active, with the collections that it sees now."""

    site: Site
    tenant: Tenant
    collections: frozenset[UUID]

    def access_of(self, visitor_id: UUID, address: str | None) -> Access:
        return access_of_visitor(
            self.tenant,
            site_id=self.site.id,
            visitor_id=visitor_id,
            collections=self.collections,
            address=address,
        )


def open_site(key: str) -> OpenSite:
    """By its public key. Raises `NotFound`, whether it is wrong, old, of a site that is off, or of nothing."""
    refused = NotFound("There is no such web site here.")
    match = _KEY.fullmatch(key)
    ids = decode_token_id(match[1]) if match else None
    if match is None or ids is None:
        raise refused
    tenant = Tenant.objects.filter(id=ids[0], is_active=True).first()
    if tenant is None:
        raise refused
    with tenant_atomic(tenant.id):
        site = Site.objects.filter(id=ids[1], is_active=True).first()
        if site is None or not hmac.compare_digest(site.key, match[2]):
            raise refused
        chosen = SiteCollection.objects.filter(site=site).values_list("collection_id", flat=True)
        return OpenSite(site, tenant, frozenset(chosen))
