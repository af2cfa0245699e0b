from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = gettext_lazy("Organisation")

    def ready(self) -> None:
        from tenants import admin, checks  # noqa: F401
        from tenants.adapters import sessions  # noqa: F401
        from tenants.admin_sites import platform_admin  # noqa: F401
        from tenants.api import authentication  # noqa: F401
        from tenants.jobs.handlers import JobHandler, Queue, register_job
        from tenants.registry import on_keys_rotated, on_person_erased, on_quota_near
        from tenants.services import exports, signin
        from tenants.services.jobs import JobGuide, register_guide
        from tenants.services.purging import register_purge
        from tenants.webhooks import announcing, sending
        from tenants.webhooks import services as webhooks
        from tenants.webhooks.purging import purge_deliveries

        register_job(exports.EXPORT, JobHandler(run=exports.run_export, give_up=exports.give_up))
        register_job(announcing.SEND, JobHandler(run=sending.send_due, give_up=sending.give_up, queue=Queue.SEND))
        on_quota_near.register(announcing.announce_quota)
        on_person_erased.register(webhooks.forget_person)
        on_keys_rotated.register(webhooks.rewrap_secrets)
        on_keys_rotated.register(signin.rewrap_secrets)
        register_purge(lambda *, dry_run: {"webhook deliveries": purge_deliveries(dry_run=dry_run)})
        register_guide(
            exports.EXPORT,
            JobGuide(
                reasons=exports.reasons, retry=exports.retry, cancel=exports.cancel, progress=exports.progress
            ),
        )
