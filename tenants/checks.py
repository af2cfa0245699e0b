"""Checks that refuse a model without both locks, a database role that could pick them, and unreadable settings."""

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import Error, Tags, register
from django.db import connections, models

from tenants.constraints import OWNER_ROLE, RowLevelSecurity, TenantForeignKey
from tenants.database.table_classes import DISPATCH_TABLES, GLOBAL_TABLES
from tenants.models.base import TenantKey, TenantModel
from tenants.prices import parse_prices


@register(Tags.models)
def check_tenant_models(app_configs: Any, **_kwargs: Any) -> list[Error]:
    """Each model is of one of the three classes of table, and a tenant-owned one carries its locks."""
    errors: list[Error] = []
    for model in apps.get_models(include_auto_created=True):
        table = model._meta.db_table
        if issubclass(model, TenantModel):
            errors += _model_errors(model)
        elif table not in GLOBAL_TABLES | DISPATCH_TABLES:
            errors.append(
                Error(
                    f"{table} is neither tenant-owned nor listed in tenants/database/table_classes.py.",
                    obj=model,
                    id="tenants.E001",
                )
            )
    return errors


def _model_errors(model: type[TenantModel]) -> list[Error]:
    errors: list[Error] = []
    constraints = model._meta.constraints
    if not any(isinstance(one, RowLevelSecurity) for one in constraints):
        errors.append(Error("No row-level security.", obj=model, id="tenants.E002"))
    uniques = [one for one in constraints if isinstance(one, models.UniqueConstraint)]
    if not any(tuple(one.fields) == ("tenant", "id") for one in uniques):
        errors.append(Error("No UNIQUE (tenant, id).", obj=model, id="tenants.E003"))
    errors.extend(
        Error(f"The unique constraint {one.name} does not start with the tenant.", obj=model, id="tenants.E004")
        for one in uniques
        if one.fields[:1] != ("tenant",)
    )
    keyed = {one.field for one in constraints if isinstance(one, TenantForeignKey)}
    for field in model._meta.local_fields:
        target = field.related_model
        if isinstance(target, type) and issubclass(target, TenantModel):
            if not isinstance(field, TenantKey) or field.name not in keyed:
                errors.append(Error(f"{field.name} has no composite key.", obj=model, id="tenants.E005"))
        if field.unique and not field.primary_key:
            errors.append(Error(f"{field.name} is unique beyond its tenant.", obj=model, id="tenants.E006"))
    if model._meta.local_many_to_many:
        errors.append(Error("Many-to-many: use a link model.", obj=model, id="tenants.E007"))
    return errors


@register()
def check_prices(app_configs: Any, **_kwargs: Any) -> list[Error]:
    """The operator's prices of models can be read."""
    try:
        parse_prices(settings.DOCENT_MODEL_PRICES)
    except ValueError as error:
        return [Error(f"DOCENT_MODEL_PRICES cannot be used: {error}.", id="tenants.E201")]
    return []


@register(Tags.database)
def check_role(databases: Sequence[str] | None = None, **_kwargs: Any) -> list[Error]:
    """`role_faults` as a system check. Migrations run as the owner, whom they do not concern."""
    return [
        Error(
            f"The database role of “{alias}” {fault}: every wall between tenants would be open.",
            id="tenants.E101",
        )
        for alias in databases or []
        for fault in role_faults(alias, allow_owner=True)
    ]


def role_faults(alias: str = "default", *, allow_owner: bool = False) -> list[str]:
    """What is wrong with the role that this process connects as; serving processes refuse to start on any."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            """
            SELECT rolname, rolsuper, rolbypassrls, EXISTS (
                SELECT FROM pg_class WHERE relowner = pg_roles.oid AND relkind IN ('r', 'p', 'v', 'm'))
            FROM pg_roles WHERE rolname = current_user
            """
        )
        name, superuser, bypasses, owns = cursor.fetchone()
    if allow_owner and name == OWNER_ROLE:
        owns = False
    facts = [(superuser, "is a superuser"), (bypasses, "bypasses row-level security"), (owns, "owns tables")]
    return [fault for wrong, fault in facts if wrong]
