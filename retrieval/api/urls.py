from django.urls import path

from retrieval.api.evaluations import (
    ComparisonView,
    EvaluationAcceptView,
    EvaluationCancelView,
    EvaluationResultsView,
    EvaluationsView,
    EvaluationView,
    EvaluationWaiveView,
)
from retrieval.api.question_sets import QuestionSetsView, QuestionSetView, QuestionsView, QuestionView
from retrieval.api.views import SearchView
from tenants.api.asynchronous import as_async_view

_RUN = "evaluations/<uuid:evaluation_id>/"
_SET = "evaluations/sets/<uuid:question_set_id>/"

urlpatterns = [
    path("search/", as_async_view(SearchView), name="search"),
    path("evaluations/", EvaluationsView.as_view(), name="evaluations"),
    path("evaluations/sets/", QuestionSetsView.as_view(), name="question-sets"),
    path(_SET, QuestionSetView.as_view(), name="question-set"),
    path(f"{_SET}questions/", QuestionsView.as_view(), name="set-questions"),
    path(f"{_SET}questions/<uuid:set_question_id>/", QuestionView.as_view(), name="set-question"),
    path(_RUN, EvaluationView.as_view(), name="evaluation"),
    path(f"{_RUN}results/", EvaluationResultsView.as_view(), name="evaluation-results"),
    path(f"{_RUN}comparison/", ComparisonView.as_view(), name="evaluation-comparison"),
    path(f"{_RUN}cancel/", EvaluationCancelView.as_view(), name="evaluation-cancel"),
    path(f"{_RUN}accept/", EvaluationAcceptView.as_view(), name="evaluation-accept"),
    path(f"{_RUN}waive/", EvaluationWaiveView.as_view(), name="evaluation-waive"),
]
