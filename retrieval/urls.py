from django.urls import URLPattern, path

from retrieval.views import runs, search, sets

_PAGES = "settings/evaluations/"
_SET = f"{_PAGES}sets/<uuid:question_set>/"
_RUN = f"{_PAGES}runs/<uuid:evaluation>/"

urlpatterns: list[URLPattern] = [
    path("documents/search/", search.search_page, name="documents-search"),
    path(_PAGES, sets.evaluations, name="settings-evaluations"),
    path(f"{_PAGES}sets/", sets.create, name="question-set-create"),
    path(_SET, sets.question_set, name="settings-question-set"),
    path(f"{_SET}change/", sets.change, name="question-set-change"),
    path(f"{_SET}gate/", sets.gate, name="question-set-gate"),
    path(f"{_SET}run/", sets.run, name="question-set-run"),
    path(f"{_SET}delete/", sets.delete, name="question-set-delete"),
    path(
        f"{_SET}questions/<uuid:set_question>/delete/", sets.remove_question, name="question-set-question-delete"
    ),
    path(_RUN, runs.evaluation, name="settings-evaluation"),
    path(f"{_RUN}comparison/", runs.comparison, name="settings-comparison"),
    path(f"{_RUN}cancel/", runs.cancel, name="evaluation-run-cancel"),
    path(f"{_RUN}accept/", runs.accept, name="evaluation-run-accept"),
    path(f"{_RUN}waive/", runs.waive, name="evaluation-run-waive"),
    path(f"{_RUN}delete/", runs.delete, name="evaluation-run-delete"),
]
