# One image for web, worker, beat, migrations and the simulated partners. Commands: as in the Procfile.
FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements.txt .
RUN python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --quiet --requirement requirements.txt

FROM python:3.11.14-slim-bookworm
# gunicorn's heartbeat is a file: in memory no busy disk can hold it up.
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/app/.data PORT=8000 \
    GUNICORN_CMD_ARGS=--worker-tmp-dir=/dev/shm
WORKDIR /app
# What only builds stays behind in the first stage.
RUN pip uninstall --yes --quiet --root-user-action=ignore pip setuptools wheel \
    && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin aetos
COPY --from=build /venv /venv
COPY Procfile manage.py requirements.txt ./
COPY aetos aetos
COPY integrations integrations
COPY listings listings
COPY scraping scraping
COPY templates templates
# Static files belong to the image. Only what grows is in volumes, so that a new image never serves old files.
# The key is for this one command: nothing is signed with it.
RUN mkdir -p .data/media .data/keys .data/partners \
    && ln -s .data/keys/env .env \
    && python -m compileall -q . \
    && SECRET_KEY=for-collectstatic-alone python manage.py collectstatic --noinput --verbosity 0 \
    && chown -R aetos:aetos .data
# By its number: Kubernetes believes no name to be other than root.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/live', timeout=4)"]
# A stop gives requests under way 25 seconds.
STOPSIGNAL SIGTERM
CMD ["sh", "-c", "eval \"exec $(sed -n 's/^web: //p' Procfile)\""]
