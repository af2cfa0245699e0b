"""A canary for each organisation that was there before canaries were."""

from typing import Any
from uuid import UUID

from django.db import migrations

from tenants.db import for_each_tenant


def add_canaries(apps: Any, schema_editor: Any) -> None:
    def add(state: Any, tenant_id: UUID) -> None:
        state.get_model("tenants", "Canary").objects.create(tenant_id=tenant_id)

    for_each_tenant(apps, schema_editor, add)


class Migration(migrations.Migration):
    dependencies = [("tenants", "0002_people_and_limits")]

    operations = [migrations.RunPython(add_canaries, migrations.RunPython.noop)]
