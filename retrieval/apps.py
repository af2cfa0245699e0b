from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class RetrievalConfig(AppConfig):
    name = "retrieval"
    verbose_name = gettext_lazy("Retrieval")

    def ready(self) -> None:
        from documents.registry import on_before_switch, on_building_ended
        from retrieval import job_kinds
        from retrieval.exports import export_questions
        from retrieval.model_switch_gate import require_pass
        from retrieval.services.gates import forget_building
        from retrieval.services.question_sets import forget_person
        from tenants.exports import on_person_exported
        from tenants.registry import on_person_erased

        on_before_switch.register(require_pass)
        on_building_ended.register(forget_building)
        on_person_erased.register(forget_person)
        on_person_exported.register(export_questions)
        job_kinds.register()
