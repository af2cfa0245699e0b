from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("documents", "0007_names_of_masking")]

    operations = [
        migrations.AddField(
            model_name="page",
            name="headings",
            field=models.JSONField(editable=False, null=True),
        ),
    ]
