import tenants.database.migration_operations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("documents", "0010_graphs")]

    operations = [
        migrations.AddField(
            model_name="collection",
            name="attached_to",
            field=models.UUIDField(editable=False, null=True),
        ),
        tenants.database.migration_operations.AddConstraint(
            model_name="collection",
            constraint=models.UniqueConstraint(fields=("tenant", "attached_to"), name="collection_attached_once"),
        ),
    ]
