"""What every tenant-owned model is made of."""

from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID, uuid4

from django.db import models
from django.db.models.fields.related_lookups import RelatedExact
from django.db.models.signals import class_prepared
from django.db.models.sql.where import AND
from django.dispatch import receiver

from tenants.constraints import RowLevelSecurity, TenantForeignKey
from tenants.context import current_tenant_id, find_tenant_id

M = TypeVar("M", bound=models.Model)


class TenantManager(models.Manager[M], Generic[M]):
    """Builds no query without an active tenant, and none that reaches past it."""

    def get_queryset(self) -> models.QuerySet[M]:
        found = super().get_queryset()
        # As `filter(tenant_id=…)` does it, which finds out for every query anew what kind of column that is.
        column: Any = self.model._meta.get_field("tenant")
        here = RelatedExact(column.get_col(found.query.get_initial_alias()), current_tenant_id())
        found.query.where.add(here, AND)
        return found


class TenantKey(models.ForeignKey):  # type: ignore[type-arg]
    """A foreign key to a tenant-owned model.

    The database constraint is the composite `TenantForeignKey` that `protect_tenant_models` adds, so
    Django's own single-column one is left out. In migrations this is a plain ForeignKey.
    """

    def __init__(self, to: Any, on_delete: Any, **kwargs: Any) -> None:
        kwargs["db_constraint"] = False
        super().__init__(to, on_delete, **kwargs)

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, kwargs


class TenantModel(models.Model):
    """A row that belongs to one tenant: UUID key, tenant, both locks."""

    # Set on a model whose rows a person may read in every tenant (their own memberships).
    row_person_column: str | None = None

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    tenant = models.ForeignKey(
        "tenants.Tenant",
        # A tenant is erased table by table in its own context; the database refuses to leave rows behind.
        on_delete=models.DO_NOTHING,
        # Not `current_tenant_id`: a migration asks for the default outside any tenant. Saving still needs one.
        default=find_tenant_id,
        editable=False,
        related_name="+",
        db_index=False,
    )

    if TYPE_CHECKING:
        tenant_id: UUID

    objects: Any = TenantManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"


@receiver(class_prepared)
def protect_tenant_models(sender: type[models.Model], **_kwargs: Any) -> None:
    """Add the policy, `UNIQUE (tenant, id)` and the composite keys to each tenant-owned model.

    Here and not in the abstract `Meta`, because a child that lists constraints of its own silently
    replaces the inherited ones.
    """
    if not issubclass(sender, TenantModel) or sender._meta.abstract or sender._meta.proxy:
        return
    meta = sender._meta
    table = meta.db_table
    keys = [field for field in meta.local_fields if isinstance(field, TenantKey)]
    meta.constraints = [
        *meta.constraints,
        models.UniqueConstraint(fields=["tenant", "id"], name=f"{table}_tenant_id"),
        *(TenantForeignKey(field=key.name, name=f"{table}_{key.name}_tenant") for key in keys),
        RowLevelSecurity(name=f"{table}_rls", person_column=sender.row_person_column),
    ]
    # The autodetector copies an option only when the class statement is known to have set it.
    meta.original_attrs["constraints"] = meta.constraints
