from django.db import migrations, models


class Migration(migrations.Migration):
    """Which rules the versions that are there were masked by is not known: where any hold they are read again."""

    dependencies = [("documents", "0007_names_of_masking")]

    operations = [
        migrations.AddField(
            model_name="documentversion",
            name="masked_by",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
    ]
