"""Making a backup: of everything as `docent_ops`, or of one organisation as `docent_app` in its own context.

Files first, then rows: a pass takes the files that are named now; then a moment of the database is held, and the
files that its rows name and that came since are taken too. If one of those went in between, another moment is
held. So each file that a row in the backup names is in it, and nobody who deletes or uploads has to wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from psycopg import sql
from pyrage import x25519

from config.backups.archive import BackupWriter, Manifest, TableContent
from config.backups.encryption import encrypted, remove_drafts
from config.backups.errors import BackupError
from config.backups.files import FileTaker, named_files
from config.backups.moments import Moment, app_url, held_moment, ops_url
from config.backups.schema import SECTIONS, dump_schema
from config.backups.state import heads_of, list_erasures, read_heads, release
from config.backups.tables import (
    ADDRESSES,
    MIGRATIONS,
    PEOPLE,
    TENANTS,
    Table,
    account_columns,
    copy_out,
    list_tables,
    migrations_in,
    people_of,
    sequences_in,
)

Say = Callable[[str], None]
_MOMENTS = 5


def write_backup(path: Path, recipients: list[x25519.Recipient], *, tenant: UUID | None, say: Say) -> Manifest:
    """Write it to `path`; returns its manifest. Raises `BackupError`, and then there is no file."""
    remove_drafts(path.parent)
    with encrypted(path, recipients) as stream, BackupWriter(stream) as writer:
        taker = FileTaker(writer)
        url = app_url() if tenant else ops_url()
        with held_moment(url, tenant) as moment:
            named = named_files(moment.connection)
        say(f"{len(named)} files")
        taker.take(named)
        with _complete_moment(url, tenant, taker) as (moment, heads):
            for section in SECTIONS:
                writer.add(f"schema/{section}.sql", dump_schema(url, moment.snapshot, section).encode())
            tables = _write_rows(writer, moment, say)
            manifest = _manifest_of(moment, tables, heads, taker)
        writer.finish(manifest)
    return manifest


@contextmanager
def _complete_moment(url: str, tenant: UUID | None, taker: FileTaker) -> Iterator[tuple[Moment, dict[str, str]]]:
    """A moment all of whose files are in the backup but those lost for good, and the chains' ends at it."""
    lost: set[str] | None = None
    for _ in range(_MOMENTS):
        known = read_heads()  # before: what is sealed afterwards is in the moment or comes later
        with held_moment(url, tenant) as moment:
            before, lost = lost, taker.take(named_files(moment.connection))
            # What was lost before this moment and is named in it was not deleted just now, but is gone.
            if not lost or (before is not None and lost <= before):
                yield moment, heads_of(moment.connection, known, tenant)
                return
    raise BackupError("Files go faster than they can be copied: try again at a quieter time.")


def _write_rows(writer: BackupWriter, moment: Moment, say: Say) -> dict[str, TableContent]:
    """Every table's, counted by the database too. Raises `BackupError` for a backup that would be empty."""
    tables = list_tables(moment.connection)
    contents = {}
    for table in tables:
        query = query_for(moment, table, tables)
        if query is None:
            continue
        digest = writer.add_rows(table.name, copy_out(moment.connection, query))
        count = sql.SQL("SELECT count(*) FROM ({}) AS one").format(query)
        [counted] = moment.connection.execute(count).fetchone() or [0]
        if counted != digest.rows:
            raise BackupError(f"{table.name} has {counted} rows, and {digest.rows} were read.")
        if digest.rows:
            say(f"{digest.rows:9} {table.name}")
        contents[table.name] = TableContent(
            columns=list(table.columns),
            rows=digest.rows,
            sha256=digest.hexdigest(),
            is_tenants=table.belongs_to_tenant,
        )
    if not contents[TENANTS].rows or not any(one.rows for one in contents.values() if one.is_tenants):
        raise BackupError("No organisation's rows are to be seen: this would be an empty backup.")
    return contents


def query_for(moment: Moment, table: Table, tables: list[Table]) -> sql.Composable | None:
    """What of a table belongs into the backup; None where nothing does."""
    everything = sql.SQL("SELECT {} FROM {}").format(table.column_list, table.identifier)
    if moment.tenant is None or table.name == MIGRATIONS:
        return everything
    tenant = sql.Literal(moment.tenant)
    if table.belongs_to_tenant:
        return everything + sql.SQL(" WHERE tenant_id = {}").format(tenant)
    if table.name == TENANTS:
        return everything + sql.SQL(" WHERE id = {}").format(tenant)
    people = people_of(moment.connection, tables, moment.tenant)
    if table.name == PEOPLE:
        return sql.SQL("SELECT {} FROM {} WHERE id IN ({})").format(
            account_columns(table), table.identifier, people
        )
    if table.name == ADDRESSES:
        return everything + sql.SQL(" WHERE user_id IN ({})").format(people)
    return None


def _manifest_of(
    moment: Moment, tables: dict[str, TableContent], heads: dict[str, str], taker: FileTaker
) -> Manifest:
    named = named_files(moment.connection)
    tenants = sql.SQL("SELECT id::text, slug FROM tenants_tenant WHERE {0}::uuid IS NULL OR id = {0}").format(
        sql.Literal(moment.tenant)
    )
    return Manifest(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        release=release(),
        server=moment.connection.info.server_version,
        tenant=str(moment.tenant or ""),
        tenants=dict(moment.connection.execute(tenants).fetchall()),
        migrations=migrations_in(moment.connection),
        tables=tables,
        sequences={} if moment.tenant else sequences_in(moment.connection),
        files={key: sha256 for key, sha256 in sorted(taker.taken.items()) if key in named},
        missing=sorted(taker.lost),
        heads=heads,
        erasures=list_erasures() if moment.tenant is None else {},
    )
