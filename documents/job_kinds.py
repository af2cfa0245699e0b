"""Which function does which job of documents, and what people are told of it."""

from documents import reindex
from documents.ingestion import embed_version, give_up, read_version
from documents.services import jobs
from documents.services.files import ERASE_FILES, finish_erasing, leave_for_the_sweep
from documents.services.processing import EMBED, READ
from tenants.jobs.handlers import JobHandler, Queue, register_job
from tenants.services.jobs import JobGuide, register_guide


def register() -> None:
    """Called by `AppConfig.ready`; sources have their own in `fetching`."""
    register_job(READ, JobHandler(run=read_version, give_up=give_up))
    register_job(EMBED, JobHandler(run=embed_version, give_up=give_up, queue=Queue.EMBED))
    register_job(ERASE_FILES, JobHandler(run=finish_erasing, give_up=leave_for_the_sweep))
    register_job(reindex.REINDEX, JobHandler(run=reindex.build_index, give_up=reindex.give_up, queue=Queue.EMBED))
    building = JobGuide(reasons=reindex.reasons, retry=reindex.retry, progress=reindex.progress)
    register_guide(reindex.REINDEX, building)
    processing = JobGuide(reasons=jobs.reasons, retry=jobs.retry, cancel=jobs.cancel, progress=jobs.progress)
    for kind in (READ, EMBED):
        register_guide(kind, processing)
