"""The catalog gate: what PostgreSQL itself says about the walls between tenants.

`catalog_faults` reads pg_catalog and knows of the application only which tables it means to be whose. Any
sentence it returns is a hole or may become one; a sound database gives none. Everything here may be read by any
role, the application's own among them.
"""

from collections.abc import Callable, Iterator
from typing import Any, LiteralString

import psycopg
from django.apps import apps

from tenants.constraints import APP_ROLE, OPS_ROLE, OWNER_ROLE
from tenants.database.table_classes import DISPATCH_TABLES, GLOBAL_TABLES
from tenants.models import TenantModel

_CRUD = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
# The record is written once, and sealed by another.
_LESS = {"tenants_auditevent": frozenset({"SELECT", "INSERT"}), "tenants_auditseal": frozenset({"SELECT"})}
_PRIVILEGES = [*sorted(_CRUD), "TRUNCATE", "REFERENCES", "TRIGGER"]

# As pg_get_expr prints them.
_MINE = (
    "(tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS \"nullif\"))"
)
_OWN = "({column} = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS \"nullif\"))"
_BOUND = frozenset({APP_ROLE, OWNER_ROLE})
_ALLOW = ("allow", "PERMISSIVE", "ALL", _BOUND | {OPS_ROLE}, "true", "true")

Policy = tuple[str, str, str, frozenset[str], str | None, str | None]


def tenant_models() -> dict[str, type[TenantModel]]:
    """Every concrete tenant-owned model by its table."""
    models = apps.get_models(include_auto_created=True)
    return {model._meta.db_table: model for model in models if issubclass(model, TenantModel)}


def app_privileges(table: str) -> frozenset[str]:
    """What the application's role may do with a table."""
    return _LESS.get(table, _CRUD)


def policies_of(model: type[TenantModel]) -> frozenset[Policy]:
    """(name, kind, command, roles, USING, WITH CHECK) of each policy that the model's table must have."""
    if model.row_person_column is None:
        return frozenset({_ALLOW, ("tenant", "RESTRICTIVE", "ALL", _BOUND, _MINE, _MINE)})
    seen = f"({_MINE} OR {_OWN.format(column=model.row_person_column)})"
    return frozenset(
        {
            _ALLOW,
            ("tenant_select", "RESTRICTIVE", "SELECT", _BOUND, seen, None),
            ("tenant_insert", "RESTRICTIVE", "INSERT", _BOUND, None, _MINE),
            ("tenant_update", "RESTRICTIVE", "UPDATE", _BOUND, _MINE, _MINE),
            ("tenant_delete", "RESTRICTIVE", "DELETE", _BOUND, _MINE, None),
        }
    )


def catalog_faults(connection: psycopg.Connection[Any]) -> list[str]:
    """Every fault as a sentence that begins with the table's, role's or object's name."""
    return [fault for check in CHECKS.values() for fault in check(connection)]


def catalog_sizes(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """How much there is for each of `CHECKS` to look at."""
    statement: LiteralString = """
        SELECT (SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p', 'f') AND relnamespace = public.oid),
               (SELECT count(*) FROM pg_policies WHERE schemaname = 'public'),
               (SELECT count(*) FROM pg_index WHERE indisunique AND indrelid = ANY(%s::regclass[])),
               (SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND connamespace = public.oid),
               (SELECT count(*) FROM pg_proc WHERE pronamespace = public.oid)
        FROM pg_namespace public WHERE nspname = 'public'
    """
    owned = len(tenant_models())
    [(tables, policies, indexes, keys, functions)] = _rows(connection, statement, list(tenant_models()))
    relations = sum(
        1 for model in tenant_models().values() for one in model._meta.local_fields if one.related_model
    )
    sizes = (tables, owned, policies, owned, indexes, keys, relations, functions, tables, 2)
    return dict(zip(CHECKS, sizes, strict=True))


def _rows(connection: psycopg.Connection[Any], statement: LiteralString, *values: Any) -> list[tuple[Any, ...]]:
    return connection.execute(statement, values).fetchall()


def _unclassified(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """Each table belongs to exactly one class, and each class names tables that exist."""
    statement: LiteralString = """
        SELECT relname FROM pg_class
        WHERE relkind IN ('r', 'p', 'f') AND relnamespace = 'public'::regnamespace
    """
    existing = {name for (name,) in _rows(connection, statement)}
    classes = [GLOBAL_TABLES, DISPATCH_TABLES, frozenset(tenant_models())]
    for table in sorted(existing.union(*classes)):
        count = sum(table in one for one in classes)
        if table not in existing:
            yield f"{table} is listed but does not exist"
        elif count != 1:
            yield f"{table} is in {count} classes of table"


def _row_security(connection: psycopg.Connection[Any]) -> Iterator[str]:
    statement: LiteralString = (
        "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = ANY(%s)"
    )
    for table, is_enabled, is_forced in _rows(connection, statement, list(tenant_models())):
        if not is_enabled:
            yield f"{table} has no row-level security"
        if not is_forced:
            yield f"{table} does not bind its owner"


def _policies(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """Exactly the policies that belong there, word for word; none on tables of the other classes."""
    found: dict[str, set[Policy]] = {table: set() for table in tenant_models()}
    statement: LiteralString = """
        SELECT tablename, policyname, permissive, cmd, roles::text[], qual, with_check
        FROM pg_policies WHERE schemaname = 'public'
    """
    for table, name, kind, command, roles, using, check in _rows(connection, statement):
        found.setdefault(table, set()).add((name, kind, command, frozenset(roles), using, check))
    for table, actual in found.items():
        model = tenant_models().get(table)
        expected = policies_of(model) if model else frozenset()
        yield from (f"{table} lacks the policy {one[0]}: {one}" for one in sorted(expected - actual, key=str))
        yield from (f"{table} has a policy {one[0]} too many: {one}" for one in sorted(actual - expected, key=str))


def _tenant_columns(connection: psycopg.Connection[Any]) -> Iterator[str]:
    statement: LiteralString = """
        SELECT attrelid::regclass::text, format_type(atttypid, atttypmod), attnotnull
        FROM pg_attribute WHERE attname = 'tenant_id' AND NOT attisdropped AND attrelid = ANY(%s::regclass[])
    """
    columns = {table: rest for table, *rest in _rows(connection, statement, list(tenant_models()))}
    for table in tenant_models():
        if columns.get(table) != ["uuid", True]:
            yield f"{table} has no tenant_id uuid NOT NULL"


def _unique_indexes(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """UNIQUE (tenant_id, id) for the composite keys; no other but the primary key speaks of other tenants."""
    statement: LiteralString = """
        SELECT indrelid::regclass::text, indexrelid::regclass::text, indisprimary, indpred IS NULL,
               ARRAY(SELECT pg_get_indexdef(indexrelid, place, false) FROM generate_series(1, indnkeyatts) place)
        FROM pg_index WHERE indisunique AND indrelid = ANY(%s::regclass[])
    """
    targets = set()
    for table, index, is_primary, is_whole, columns in _rows(connection, statement, list(tenant_models())):
        if is_primary and columns == ["id"]:
            continue
        if columns[0] != "tenant_id":
            yield f"{table} has the index {index}, unique beyond the tenant"
        if columns == ["tenant_id", "id"] and is_whole:
            targets.add(table)
    for table in set(tenant_models()) - targets:
        yield f"{table} has no UNIQUE (tenant_id, id)"


def _foreign_keys(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """A key to a tenant-owned table names the tenant too: foreign keys bypass row-level security."""
    for table, columns, target, target_columns, is_deferrable in _keys(connection):
        if target not in tenant_models():
            continue
        if columns[:-1] != ["tenant_id"] or target_columns != ["tenant_id", "id"] or not is_deferrable:
            yield f"{table} points to {target} by ({', '.join(columns)})"


def _missing_keys(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """Each relation of the models is a key of the database."""
    keys = {(table, tuple(columns), target) for table, columns, target, *_ in _keys(connection)}
    for table, model in tenant_models().items():
        for field in model._meta.local_fields:
            target = field.related_model
            if not isinstance(target, type):
                continue
            is_owned = issubclass(target, TenantModel)
            columns = ("tenant_id", str(field.column)) if is_owned else (str(field.column),)
            if (table, columns, target._meta.db_table) not in keys:
                yield f"{table} has no key ({', '.join(columns)}) to {target._meta.db_table}"


def _keys(connection: psycopg.Connection[Any]) -> list[tuple[str, list[str], str, list[str], bool]]:
    statement: LiteralString = """
        SELECT conrelid::regclass::text, names(conrelid, conkey), confrelid::regclass::text,
               names(confrelid, confkey), condeferrable AND convalidated
        FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace
    """
    named: LiteralString = """ARRAY(
        SELECT attname::text FROM unnest({1}) WITH ORDINALITY AS key(number, place)
        JOIN pg_attribute ON attrelid = {0} AND attnum = key.number ORDER BY place)"""
    for table in ("conrelid, conkey", "confrelid, confkey"):
        relation, key = table.split(", ")
        statement = statement.replace(f"names({table})", named.format(relation, key))
    return _rows(connection, statement)


def _ways_round(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """Views read with their owner's eyes and SECURITY DEFINER functions act with their owner's hands."""
    relations: LiteralString = """
        SELECT oid::regclass::text, CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialised view'
               ELSE 'foreign table' END
        FROM pg_class WHERE relkind IN ('v', 'm', 'f')
          AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    """
    yield from (f"{name} is a {kind}" for name, kind in _rows(connection, relations))
    functions: LiteralString = """
        SELECT oid::regprocedure::text FROM pg_proc
        WHERE prosecdef AND pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    """
    yield from (f"{name} is a SECURITY DEFINER function" for (name,) in _rows(connection, functions))
    schemas: LiteralString = """
        SELECT nspname FROM pg_namespace
        WHERE nspname !~ '^pg_' AND nspname NOT IN ('public', 'information_schema')
    """
    yield from (f"{name} is a schema that nobody guards" for (name,) in _rows(connection, schemas))


def _privileges(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """What the application's and the backup's role may effectively do with each table; the owner owns all."""
    statement: LiteralString = """
        SELECT relname, pg_get_userbyid(relowner),
               ARRAY(SELECT p FROM unnest(%s::text[]) p WHERE has_table_privilege(%s, oid, p)),
               ARRAY(SELECT p FROM unnest(%s::text[]) p WHERE has_table_privilege(%s, oid, p)),
               has_any_column_privilege(%s, oid, 'UPDATE')
        FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
    """
    values = (_PRIVILEGES, APP_ROLE, _PRIVILEGES, OPS_ROLE, APP_ROLE)
    for table, owner, app, ops, updates_column in _rows(connection, statement, *values):
        expected = app_privileges(table)
        if set(app) != expected:
            yield f"{table} lets {APP_ROLE} {', '.join(app)}"
        if updates_column and "UPDATE" not in expected:
            yield f"{table} lets {APP_ROLE} change a column"
        if set(ops) != {"SELECT"}:
            yield f"{table} lets {OPS_ROLE} {', '.join(ops)}"
        if owner != OWNER_ROLE:
            yield f"{table} belongs to {owner}"


def _roles(connection: psycopg.Connection[Any]) -> Iterator[str]:
    statement: LiteralString = """
        SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication,
               EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid),
               has_schema_privilege(oid, 'public', 'CREATE'),
               has_database_privilege(oid, current_database(), 'CREATE, TEMPORARY')
        FROM pg_roles WHERE rolname = ANY(%s)
    """
    titles = (
        "is a superuser",
        "bypasses row-level security",
        "creates roles",
        "creates databases",
        "replicates",
        "is a member of another role",
        "creates objects in the schema",
        "creates schemas or temporary tables",
    )
    for role, *facts in _rows(connection, statement, [APP_ROLE, OWNER_ROLE]):
        # The owner creates what migrations say.
        wrong = [title for title, fact in zip(titles, facts, strict=True) if fact]
        if role == OWNER_ROLE:
            wrong = [title for title in wrong if title not in titles[-2:]]
        yield from (f"{role} {title}" for title in wrong)


# By what each looks at.
CHECKS: dict[str, Callable[[psycopg.Connection[Any]], Iterator[str]]] = {
    "tables in one class": _unclassified,
    "tenant tables with row-level security": _row_security,
    "policies, word for word": _policies,
    "tenant columns": _tenant_columns,
    "unique indexes": _unique_indexes,
    "foreign keys": _foreign_keys,
    "relations of the models": _missing_keys,
    "functions, views and schemas": _ways_round,
    "tables' privileges and owners": _privileges,
    "roles": _roles,
}
