from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        # Whoever writes a job sends it with this Celery application.
        from config import celery  # noqa: F401
