from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = gettext_lazy("Organisation")

    def ready(self) -> None:
        from tenants import admin, checks, platform_admin  # noqa: F401
        from tenants.adapters import sessions  # noqa: F401
        from tenants.api import authentication  # noqa: F401
        from tenants.jobs.handlers import JobHandler, register_job
        from tenants.services import exports
        from tenants.services.jobs import JobGuide, register_guide

        register_job(exports.EXPORT, JobHandler(run=exports.run_export, give_up=exports.give_up))
        register_guide(
            exports.EXPORT,
            JobGuide(
                reasons=exports.reasons, retry=exports.retry, cancel=exports.cancel, progress=exports.progress
            ),
        )
