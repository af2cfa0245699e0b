from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("documents", "0005_states_of_versions")]

    operations = [
        migrations.AddField("document", "source_marker", models.CharField(max_length=300, blank=True, default=""), preserve_default=False),
        migrations.AddField("source", "failures", models.PositiveSmallIntegerField(default=0)),
        migrations.AddField("source", "report", models.JSONField(default=dict)),
    ]
