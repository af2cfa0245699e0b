"""`/jobs/`: background work that is not done, how far it is, what of it failed and why."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.api.pages import NewestFirst, PageQuery
from tenants.api.views import TenantView
from tenants.jobs.models import JobStatus
from tenants.permissions import Action
from tenants.selectors import access_jobs
from tenants.services.jobs import JobView, cancel_job, describe_jobs, retry_job


class JobErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()


class JobSerializer(serializers.Serializer[Any]):
    """`target` is what the job works on; `error` says why a dead one failed, as far as that is known."""

    id = serializers.UUIDField(source="job.id")
    kind = serializers.CharField(source="job.kind")
    target = serializers.UUIDField(source="job.target_id")
    queue = serializers.CharField(source="job.queue", help_text="Which workers do it: work, embed or send.")
    status = serializers.ChoiceField(choices=JobStatus.choices())
    position = serializers.IntegerField(
        allow_null=True, help_text="Its place among what waits in your own queue, from 1."
    )
    stage = serializers.CharField(source="progress.stage", default=None, allow_null=True)
    progress = serializers.FloatField(source="progress.progress", default=None, allow_null=True)
    eta_seconds = serializers.FloatField(source="progress.eta_seconds", default=None, allow_null=True)
    attempts = serializers.IntegerField(source="job.attempts")
    error = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(source="job.created_at")
    run_at = serializers.DateTimeField(source="job.run_at")
    started_at = serializers.DateTimeField(source="job.started_at", allow_null=True)
    dead_at = serializers.DateTimeField(source="job.dead_at", allow_null=True)

    @extend_schema_field(JobErrorSerializer(allow_null=True))
    def get_error(self, view: JobView) -> dict[str, str] | None:
        return None if view.reason is None else {"code": view.reason.code, "detail": view.reason.detail}


class JobsView(TenantView):
    actions_by_method = {"GET": Action.MANAGE_TENANT}

    @extend_schema(operation_id="jobs_list", parameters=[PageQuery], responses=JobSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The organisation's background work, newest first. What is done is not listed."""
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        pages = NewestFirst()
        found = pages.paginate_queryset(access_jobs(self.access), request, view=self) or []
        return pages.get_paginated_response(JobSerializer(describe_jobs(self.access, found), many=True).data)


class JobRetryView(TenantView):
    actions_by_method = {"POST": Action.MANAGE_TENANT}

    @extend_schema(operation_id="jobs_retry", request=None, responses={202: JobSerializer})
    def post(self, request: Request, job_id: UUID) -> Response:
        """Start a job afresh: one that failed for good, one that waits for its next attempt, or one that runs."""
        [view] = describe_jobs(self.access, [retry_job(access=self.access, job_id=job_id)])
        return Response(JobSerializer(view).data, status=status.HTTP_202_ACCEPTED)


class JobCancelView(TenantView):
    actions_by_method = {"POST": Action.MANAGE_TENANT}

    @extend_schema(operation_id="jobs_cancel", request=None, responses={204: None})
    def post(self, request: Request, job_id: UUID) -> Response:
        """Stop what waits or runs; 409 for work that is always finished, and for what has failed."""
        cancel_job(access=self.access, job_id=job_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
