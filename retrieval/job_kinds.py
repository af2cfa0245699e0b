"""Which function does which job of retrieval, and what people are told of it."""

from retrieval import evaluation_job
from retrieval.services import runs
from tenants.jobs.handlers import JobHandler, Queue, register_job
from tenants.services.jobs import JobGuide, register_guide


def register() -> None:
    """Called by `AppConfig.ready`."""
    # Where the model is in memory anyway.
    handler = JobHandler(run=evaluation_job.run_evaluation, give_up=evaluation_job.give_up, queue=Queue.EMBED)
    register_job(runs.EVALUATE, handler)
    guide = JobGuide(reasons=runs.reasons, retry=runs.retry, cancel=runs.cancel, progress=runs.progress)
    register_guide(runs.EVALUATE, guide)
