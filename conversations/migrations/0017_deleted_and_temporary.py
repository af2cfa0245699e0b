from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0016_thinking")]
    operations = [
        migrations.AddField("conversation", "deleted_at", models.DateTimeField(null=True, blank=True)),
        migrations.AddField(
            "conversation", "is_temporary", models.BooleanField(default=False, db_default=False)
        ),
        migrations.AddField(
            "lifepolicy", "allows_temporary", models.BooleanField(default=True, db_default=True)
        ),
    ]
