"""What migrations do."""

from django.db import migrations
from django.db.migrations.state import ProjectState


class AddConstraint(migrations.AddConstraint):
    """Django's, without rendering anew every model that is related to the one that has a new constraint.

    No model looks different for it, every tenant-owned table gets several, and everything is related to the
    tenant: that was half of the time in which an empty database is migrated.
    """

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        options = state.models[app_label, self.model_name_lower].options
        options["constraints"] = [*options["constraints"], self.constraint]
        if "apps" in state.__dict__:  # rendered already; to ask for it would
            rendered = state.apps.get_model(app_label, self.model_name)._meta
            rendered.constraints = [*rendered.constraints, self.constraint]
