"""The second lock, as schema: row-level security and composite foreign keys that travel in migrations."""

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement
from django.db.models.constraints import BaseConstraint

OWNER_ROLE = "docent_owner"
APP_ROLE = "docent_app"
OPS_ROLE = "docent_ops"

# NULLIF: after a COMMIT the transaction-local setting reads '' on a reused connection, not NULL.
TENANT_SETTING = "NULLIF(current_setting('app.tenant_id', true), '')::uuid"
PERSON_SETTING = "NULLIF(current_setting('app.user_id', true), '')::uuid"


class _DeferredConstraint(BaseConstraint):
    """A constraint whose SQL runs at the end of the migration, when every table and key exists."""

    def _statements(self, model: type[models.Model], editor: BaseDatabaseSchemaEditor) -> list[str]:
        raise NotImplementedError

    def constraint_sql(
        self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> str:
        assert model is not None
        assert schema_editor is not None
        deferred: list[str | Statement] = self._statements(model, schema_editor)  # type: ignore[assignment]
        schema_editor.deferred_sql.extend(deferred)
        return ""

    def create_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        return self.constraint_sql(model, schema_editor)

    def validate(self, *_args: Any, **_kwargs: Any) -> None:
        """The database decides; there is nothing to repeat in Python."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        return self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        return hash((type(self), self.name))


class RowLevelSecurity(_DeferredConstraint):
    """ENABLE and FORCE row-level security with one allow policy and the restrictive tenant policies.

    `person_column` names a column by which a person may read their own rows in every tenant (the
    memberships); writes stay with the tenant alone.
    """

    def __init__(self, *, name: str, person_column: str | None = None) -> None:
        super().__init__(name=name)
        self.person_column = person_column

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        if self.person_column:
            kwargs["person_column"] = self.person_column
        return path, tuple(args), kwargs

    def _statements(self, model: type[models.Model], editor: BaseDatabaseSchemaEditor) -> list[str]:
        table = editor.quote_name(model._meta.db_table)
        mine = f"tenant_id = (SELECT {TENANT_SETTING})"
        bound = f"{APP_ROLE}, {OWNER_ROLE}"
        statements = [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            (
                f"CREATE POLICY allow ON {table} AS PERMISSIVE FOR ALL "
                f"TO {bound}, {OPS_ROLE} USING (true) WITH CHECK (true)"
            ),
        ]
        if self.person_column is None:
            statements.append(
                f"CREATE POLICY tenant ON {table} AS RESTRICTIVE FOR ALL TO {bound} "
                f"USING ({mine}) WITH CHECK ({mine})"
            )
            return statements
        own = f"{editor.quote_name(self.person_column)} = (SELECT {PERSON_SETTING})"
        return [
            *statements,
            f"CREATE POLICY tenant_select ON {table} AS RESTRICTIVE FOR SELECT TO {bound} USING ({mine} OR {own})",
            f"CREATE POLICY tenant_insert ON {table} AS RESTRICTIVE FOR INSERT TO {bound} WITH CHECK ({mine})",
            (
                f"CREATE POLICY tenant_update ON {table} AS RESTRICTIVE FOR UPDATE TO {bound} "
                f"USING ({mine}) WITH CHECK ({mine})"
            ),
            f"CREATE POLICY tenant_delete ON {table} AS RESTRICTIVE FOR DELETE TO {bound} USING ({mine})",
        ]

    def remove_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        assert model is not None
        assert schema_editor is not None
        table = schema_editor.quote_name(model._meta.db_table)
        names = ["allow", "tenant", "tenant_select", "tenant_insert", "tenant_update", "tenant_delete"]
        drops = [f"DROP POLICY IF EXISTS {name} ON {table}" for name in names]
        return "; ".join([*drops, f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"])


class TenantForeignKey(_DeferredConstraint):
    """`(tenant_id, <field>_id) → (tenant_id, id)`, deferrable.

    Foreign keys bypass row-level security, so a plain one would let a row point into another tenant;
    the composite one cannot.
    """

    def __init__(self, *, field: str, name: str) -> None:
        super().__init__(name=name)
        self.field = field

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, tuple(args), {**kwargs, "field": self.field}

    def _statements(self, model: type[models.Model], editor: BaseDatabaseSchemaEditor) -> list[str]:
        quote = editor.quote_name
        field = model._meta.get_field(self.field)
        assert isinstance(field, models.ForeignKey)
        target: type[models.Model] = field.related_model
        return [
            (
                f"ALTER TABLE {quote(model._meta.db_table)} ADD CONSTRAINT {quote(self.name)} "
                f"FOREIGN KEY (tenant_id, {quote(field.column)}) "
                f"REFERENCES {quote(target._meta.db_table)} (tenant_id, id) DEFERRABLE INITIALLY DEFERRED"
            )
        ]

    def remove_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        assert model is not None
        assert schema_editor is not None
        quote = schema_editor.quote_name
        return f"ALTER TABLE {quote(model._meta.db_table)} DROP CONSTRAINT {quote(self.name)}"
