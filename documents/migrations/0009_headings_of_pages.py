from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("documents", "0008_masked_by")]

    operations = [
        migrations.AddField(
            model_name="page",
            name="headings",
            field=models.JSONField(editable=False, null=True),
        ),
    ]
