# Peer support API. Two stages, so that nothing that only builds is in what runs.
FROM python:3.13-slim AS build
# requirements-traces.txt adds what sending traces needs
ARG REQUIREMENTS=requirements.txt
WORKDIR /srv/peer-support
RUN python -m venv .venv
COPY requirements.txt requirements-traces.txt ./
RUN .venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r "$REQUIREMENTS"
COPY pyproject.toml README.md LICENSE alembic.ini ./
COPY app app
COPY migrations migrations
RUN .venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-build-isolation --no-deps -e . \
    && .venv/bin/python -m compileall -q app migrations \
    && chmod -R a+rX .

FROM python:3.13-slim
# PostgreSQL's initdb wants its user to have a name, also where the data lie in a volume.
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin peer-support \
    && install -d -o 10001 -g 10001 -m 0700 /data /backups
COPY --from=build /srv/peer-support /srv/peer-support
WORKDIR /srv/peer-support
ENV PATH=/srv/peer-support/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PEER_SUPPORT_DATA_DIR=/data \
    PEER_SUPPORT_BACKUP_DIR=/backups
USER 10001
VOLUME ["/data", "/backups"]
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=4s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/ready', timeout=3)"]
CMD ["peer-support", "serve", "--host", "0.0.0.0", "--port", "8000"]
