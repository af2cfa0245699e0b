from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("documents", "0006_sources")]

    operations = [
        migrations.AlterModelOptions(
            name="maskingpolicy",
            options={
                "base_manager_name": "objects",
                "verbose_name": "masking policy",
                "verbose_name_plural": "masking policies",
            },
        ),
    ]
