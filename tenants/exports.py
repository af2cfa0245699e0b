"""What an export holds: an organisation's rows and files, or what one of its people is and did there.

Each app adds its part by a registry. All of it is read in short units, batch by batch, so an export shows
each row as it was at some moment while it was written, not all of them at the same one.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet
from django.utils import timezone

from tenants.access import Access
from tenants.db import tenant_atomic
from tenants.files.zip_archives import Archive
from tenants.isolation.catalog import tenant_models
from tenants.models import ApiToken, AuditEvent, GroupMember, Membership, Tenant, UsageDay, User
from tenants.registry import Registry

_BATCH = 1000

# Columns that no export holds: hashed and sealed secrets, and what is computed from the rest.
LEFT_OUT = frozenset(
    {"secret_sha256", "sealed_body", "sealed_secret", "sealed_former_secret", "embedding", "words"}
)

# How a person has the portal.
_SETTINGS = ("theme", "language", "time_zone", "announcing", "reduces_streaming", "uses_shortcuts")

_README = """\
{title}

Begun {begun} (UTC), finished {finished}. Each row is as it was when it was read in between.
Files that end with .jsonl hold one JSON object on each line. Times are UTC, ids are UUIDs.

Left out: {left_out}.

{counts}
"""


class ExportOf(StrEnum):
    """Whose data it is: one's own in this organisation, or the organisation's."""

    ME = "me"
    TENANT = "tenant"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(one.value, one.value) for one in cls]


@dataclass(frozen=True, slots=True)
class ExportRun:
    """One export that is being written. `step(progress)`, from 0 to 1, raises once it is not wanted any more."""

    tenant_id: UUID
    archive: Archive
    step: Callable[[float], None]

    @contextmanager
    def unit(self) -> Iterator[None]:
        """A short transaction in the tenant's name."""
        with tenant_atomic(self.tenant_id):
            yield

    def rows(
        self, query: Callable[[], QuerySet[Any]], columns: Sequence[str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """The rows of `query()`, by their ids, each batch in its own unit; without columns, all that may go."""
        last: UUID | None = None
        while True:
            with self.unit():
                rows = query().order_by("id")
                if last is not None:
                    rows = rows.filter(id__gt=last)
                batch = list(rows.values(*(columns or columns_of(rows.model)))[:_BATCH])
            yield from batch
            if len(batch) < _BATCH:
                return
            last = batch[-1]["id"]


# Called outside any transaction, to add what belongs to the organisation beside its rows.
on_tenant_exported: Registry[[ExportRun]] = Registry()

# The same for a person, who sees what this `Access` sees.
on_person_exported: Registry[[ExportRun, Access]] = Registry()


def write_tenant(run: ExportRun) -> None:
    """Everything: each row of each table, the people's names, and the files that were uploaded."""
    begun = timezone.now()
    with run.unit():
        tenant = Tenant.objects.filter(id=run.tenant_id).values(*columns_of(Tenant)).get()
        members = Membership.objects.values("user_id")
        people = list(User.objects.filter(id__in=members).order_by("email").values("id", "email", "name"))
    run.archive.write_json("organisation.json", tenant)
    run.archive.write_rows("people.jsonl", people)
    models = sorted(tenant_models().items())
    for number, (table, model) in enumerate(models):
        run.step(number / len(models) / 2)
        run.archive.write_rows(f"rows/{table}.jsonl", run.rows(model.objects.all))
    run.step(0.5)
    on_tenant_exported.call(run)
    left_out = "secrets (they are stored hashed or sealed), vectors, words for search, and page images"
    _write_readme(run.archive, f"Data of the organisation {tenant['name']}", begun=begun, left_out=left_out)


def write_person(run: ExportRun, access: Access) -> None:
    """What this organisation keeps about the person of `access`."""
    begun = timezone.now()
    person = access.user_id
    run.archive.write_json("profile.json", _profile(run, access))
    for name, query in (
        ("tokens", lambda: ApiToken.objects.filter(user=person)),
        ("usage", lambda: UsageDay.objects.filter(user_id=person)),
        ("audit", lambda: AuditEvent.objects.filter(actor_id=person)),
    ):
        run.archive.write_rows(f"{name}.jsonl", run.rows(query))
    run.step(0.1)
    on_person_exported.call(run, access)
    left_out = "secrets of tokens (they are stored hashed), and what the person uploaded but does not see any more"
    title = f"Data of {access.email} in the organisation {access.tenant_name}"
    _write_readme(run.archive, title, begun=begun, left_out=left_out)


def _profile(run: ExportRun, access: Access) -> dict[str, Any]:
    """As the organisation knows them: its provider's word opens this, and the account's other addresses not."""
    with run.unit():
        user = User.objects.get(id=access.user_id)
        membership = Membership.objects.get(user=user)
        groups = GroupMember.objects.filter(membership=membership).values_list("group__name", flat=True)
        return {
            "id": user.pk,
            "name": user.name,
            "email": user.email,
            "created_at": user.created_at,
            "settings": {name: getattr(user, name) for name in _SETTINGS},
            "organisation": {"id": access.tenant_id, "name": access.tenant_name, "slug": access.tenant_slug},
            "role": membership.role,
            "member_since": membership.created_at,
            "groups": sorted(groups),
        }


def columns_of(model: type[Model]) -> list[str]:
    """The columns of a table that an export may hold."""
    return [field.attname for field in model._meta.concrete_fields if field.name not in LEFT_OUT]


def _write_readme(archive: Archive, title: str, *, begun: Any, left_out: str) -> None:
    counts = [f"{count:10} rows in {path}" for path, count in archive.rows.items()]
    counts.append(f"{archive.files:10} uploaded files")
    counts += [f"lost by the file storage: {path}" for path in archive.missing]
    text = _README.format(
        title=title,
        begun=f"{begun:%Y-%m-%d %H:%M:%S}",
        finished=f"{timezone.now():%Y-%m-%d %H:%M:%S}",
        left_out=left_out,
        counts="\n".join(counts),
    )
    archive.write_text("README.txt", text)
