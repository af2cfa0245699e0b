"""`/jobs/`: background work that is not done, what of it failed and why."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.api.pages import NewestFirst, PageQuery
from tenants.api.views import TenantView
from tenants.jobs.models import JobStatus
from tenants.models import Job
from tenants.permissions import Action
from tenants.selectors import access_jobs
from tenants.services.jobs import reasons_of, retry_job


class JobErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()


class JobSerializer(serializers.Serializer[Any]):
    """`target` is what the job works on; `error` says why a dead one failed, as far as that is known."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    target = serializers.UUIDField(source="target_id")
    status = serializers.ChoiceField(choices=JobStatus.choices())
    attempts = serializers.IntegerField()
    error = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    run_at = serializers.DateTimeField()
    dead_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(JobErrorSerializer(allow_null=True))
    def get_error(self, job: Job) -> dict[str, str] | None:
        reason = self.context["reasons"].get(job.id)
        return None if reason is None else {"code": reason.code, "detail": reason.detail}


class JobsView(TenantView):
    actions_by_method = {"GET": Action.MANAGE_TENANT}

    @extend_schema(operation_id="jobs_list", parameters=[PageQuery], responses=JobSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The organisation's background work, newest first. What is done is not listed."""
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        pages = NewestFirst()
        found = pages.paginate_queryset(access_jobs(self.access), request, view=self)
        return pages.get_paginated_response(_shown(found))


class JobRetryView(TenantView):
    actions_by_method = {"POST": Action.MANAGE_TENANT}

    @extend_schema(operation_id="jobs_retry", request=None, responses={202: JobSerializer})
    def post(self, request: Request, job_id: UUID) -> Response:
        """Start a job afresh that had failed for good; 409 for any other."""
        [shown] = _shown([retry_job(access=self.access, job_id=job_id)])
        return Response(shown, status=status.HTTP_202_ACCEPTED)


def _shown(jobs: Sequence[Job] | None) -> Any:
    jobs = jobs or []
    return JobSerializer(jobs, many=True, context={"reasons": reasons_of(jobs)}).data
