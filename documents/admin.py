"""Collections, documents and embedding models in an organisation's administration."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import RelatedFieldListFilter
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from documents.models import Collection, CollectionGrant, Document, EmbeddingIndex, MaskingPolicy
from documents.selectors import list_collections, visible_documents, with_totals
from documents.services.collections import (
    create_collection,
    delete_collection,
    rename_collection,
    set_chunk_sizes,
    set_collection_access,
)
from documents.services.documents import (
    cancel_document,
    delete_document,
    reprocess_document,
    update_document,
)
from tenants.admin_sites.model_admin import TenantInline, TenantModelAdmin, access_of, adopt, shown_time
from tenants.admin_sites.tenant_site import tenant_admin
from tenants.permissions import Action, Role
from tenants.selectors import with_email


class GrantInline(TenantInline):
    """Whom a restricted collection names: in each row a member, a group or a role."""

    model = CollectionGrant
    add_action = delete_action = Action.MANAGE_DOCUMENTS
    autocomplete_fields = ("membership", "group")
    verbose_name = gettext_lazy("who sees it")
    verbose_name_plural = gettext_lazy("who sees it, if it is restricted")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("membership__user", "group")


@admin.register(Collection, site=tenant_admin)
class CollectionAdmin(TenantModelAdmin):
    add_action = change_action = delete_action = Action.MANAGE_DOCUMENTS
    portal_page = "documents"
    list_display = ("name", "slug", "is_restricted", "is_default", "documents", "passages", "size", "changed_at")
    list_filter = ("is_restricted",)
    search_fields = ("name", "slug")
    ordering = ("name",)
    inlines = (GrantInline,)
    readonly_fields = ("slug", "is_default", "documents", "passages", "size", "changed_at")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fields = ("name", "is_restricted", "chunk_size", "chunk_overlap")
        return fields if obj is None else (*fields, *self.readonly_fields)

    @admin.display(description=gettext_lazy("documents"), ordering="document_total")
    def documents(self, collection: Any) -> int:
        return int(collection.document_total)

    @admin.display(description=gettext_lazy("passages"), ordering="chunk_total")
    def passages(self, collection: Any) -> int:
        return int(collection.chunk_total)

    @admin.display(description=gettext_lazy("size"), ordering="byte_total")
    def size(self, collection: Any) -> str:
        return filesizeformat(collection.byte_total)

    @admin.display(description=gettext_lazy("last change"), ordering="changed_at")
    def changed_at(self, collection: Any) -> str:
        return shown_time(collection.changed_at)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Collection]:
        return with_totals(list_collections(access_of(request))).order_by(*self.ordering)

    def consequences(self, obj: Any) -> Sequence[str]:
        count = obj.document_total
        return (ngettext("%d document in it", "%d documents in it", count) % count,)

    def save_model(self, request: HttpRequest, obj: Collection, form: Any, change: bool) -> None:  # noqa: FBT001
        access = access_of(request)
        if not change:
            sizes = (obj.chunk_size, obj.chunk_overlap)
            made = create_collection(access=access, name=obj.name)
            made.is_restricted = obj.is_restricted
            adopt(obj, made)
            obj.chunk_size, obj.chunk_overlap = sizes
        elif "name" in form.changed_data:
            rename_collection(access=access, collection=obj, name=obj.name)
        if {"chunk_size", "chunk_overlap"} & set(form.changed_data):
            set_chunk_sizes(access=access, collection=obj, size=obj.chunk_size, overlap=obj.chunk_overlap)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: FBT001
        """The rows that are there now, together with the switch, are who sees it."""
        if not formset.has_changed() and "is_restricted" not in form.changed_data:
            return
        rows = [one.instance for one in formset.forms if one.cleaned_data and not one.cleaned_data.get("DELETE")]
        set_collection_access(
            access=access_of(request),
            collection=form.instance,
            everyone=not form.instance.is_restricted,
            people=[row.membership.user_id for row in rows if row.membership],
            groups=[row.group_id for row in rows if row.group_id],
            roles=[Role(row.role) for row in rows if row.role],
        )

    def delete_model(self, request: HttpRequest, obj: Collection) -> None:
        delete_collection(access=access_of(request), collection=obj)


class _SharedCollections(RelatedFieldListFilter):
    """Without the files of conversations, which are nobody else's to know of."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        ordering = self.field_admin_ordering(field, request, model_admin)
        return field.get_choices(
            include_blank=False, ordering=ordering, limit_choices_to={"attached_to__isnull": True}
        )


class MoveForm(ActionForm):
    """What stands beside the list of actions: where to move to."""

    collection: Any = ModelChoiceField(queryset=None, required=False, label=gettext_lazy("Move to:"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Not before a request has said whose.
        self.fields["collection"].queryset = Collection.objects.filter(  # type: ignore[attr-defined]
            attached_to=None
        ).order_by("name")


@admin.register(Document, site=tenant_admin)
class DocumentAdmin(TenantModelAdmin):
    """How processing goes. Uploading, renaming and moving are the portal's."""

    delete_action = Action.MANAGE_DOCUMENTS
    portal_page = "documents"
    list_display = (
        "title",
        "collection",
        "status",
        "error_code",
        "page_count",
        "chunk_count",
        "bytes",
        "created_at",
    )
    list_filter = ("status", ("collection", _SharedCollections))
    search_fields = ("title", "name")
    list_select_related = ("collection",)
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    fields = (
        "title",
        "name",
        "collection",
        "uploader",
        "status",
        "progress",
        "error_code",
        "error_detail",
        "attempts",
        "current_version",
        "page_count",
        "chunk_count",
        "bytes",
        "media_type",
        "tags",
        "timings",
        "created_at",
        "updated_at",
    )
    actions = ("retry", "cancel", "move")
    action_form = MoveForm

    @admin.display(description=gettext_lazy("size"), ordering="size")
    def bytes(self, document: Document) -> str:
        return filesizeformat(document.size)

    @admin.display(description=gettext_lazy("uploaded by"))
    def uploader(self, document: Any) -> str:
        return str(document.uploaded_by_email or document.uploaded_by_id or "")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = visible_documents(access_of(request)).select_related("collection")
        return with_email(rows, "uploaded_by_id").order_by(*self.ordering)

    def consequences(self, obj: Document) -> Sequence[str]:
        return (_("All its versions, pages, passages and files. Answers keep standing, without its words."),)

    def delete_model(self, request: HttpRequest, obj: Document) -> None:
        delete_document(access=access_of(request), document=obj)

    @admin.action(description=gettext_lazy("Process anew"))
    def retry(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        self._each(request, queryset, reprocess_document, _("{count} started afresh."))

    @admin.action(description=gettext_lazy("Stop processing"))
    def cancel(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        self._each(request, queryset, cancel_document, _("{count} stopped."))

    @admin.action(description=gettext_lazy("Move to the collection chosen beside"))
    def move(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        access = access_of(request)
        target = MoveForm().fields["collection"].clean(request.POST.get("collection"))
        if target is None:
            self.message_user(request, _("Choose the collection to move to."), messages.ERROR)
            return
        move = partial(update_document, access=access, collection=target)
        self.for_each(request, queryset, lambda document: move(document=document), _("{count} moved."))

    def _each(
        self, request: HttpRequest, rows: QuerySet[Document], service: Callable[..., Document], done: str
    ) -> None:
        access = access_of(request)
        self.for_each(request, rows, lambda document: service(access=access, document=document), done)


@admin.register(EmbeddingIndex, site=tenant_admin)
class EmbeddingIndexAdmin(TenantModelAdmin):
    """Which model answers, and how far the next one is."""

    list_display = ("model", "dimensions", "status", "progress", "error_detail", "created_at")
    ordering = ("-created_at",)
    fields = (
        "model",
        "dimensions",
        "status",
        "progress",
        "error_code",
        "error_detail",
        "created_at",
        "activated_at",
        "retired_at",
        "comparing",
        "hnsw_built_at",
        "hnsw_measured_at",
    )

    @admin.display(description=gettext_lazy("how it is searched"))
    def comparing(self, index: EmbeddingIndex) -> str:
        """What the platform process has made of it."""
        if index.hnsw_built_at is None:
            return _("every passage is compared")
        if index.hnsw_measured_at is None or index.hnsw_recall is None:
            return _("every passage is compared until its graph has been measured")
        share = _("{share} of the ten nearest").format(share=f"{index.hnsw_recall:.1%}")
        if index.hnsw_ef_search is None:
            return _("every passage is compared: its graph finds {share} only").format(share=share)
        return _("by a graph that finds {share} (ef_search {effort})").format(
            share=share, effort=index.hnsw_ef_search
        )

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, index: EmbeddingIndex) -> str:
        if index.status == EmbeddingIndex.Status.ACTIVE:
            return "-"
        return _("{done} of {total} passages").format(done=index.embedded, total=index.total)


@admin.register(MaskingPolicy, site=tenant_admin)
class MaskingPolicyAdmin(TenantModelAdmin):
    """Which personal data is kept from search and models; the portal's settings change it."""

    portal_page = "settings-masking"
    list_display = ("emails", "phones", "cards", "ibans", "own_patterns", "updated_at")
    ordering = ("updated_at",)
    fields = list_display

    @admin.display(description=gettext_lazy("patterns of your own"))
    def own_patterns(self, policy: MaskingPolicy) -> str:
        return "\n".join(f"{one['name']}: {one['pattern']}" for one in policy.patterns) or "-"
