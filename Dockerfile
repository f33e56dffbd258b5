# One image, two commands: `web` (the API) and `worker` (the job worker). Both need XINXIN_DATABASE_URL; `migrate` runs before either.
FROM python:3.11-slim-bookworm AS build
WORKDIR /srv/xinxin
COPY requirements.txt ./
# Wheels only: nothing is compiled, so no build tools are needed here either, and none can reach the final layer.
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --only-binary :all: --no-deps --require-hashes -r requirements.txt

FROM python:3.11-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 XINXIN_ENV=production XINXIN_DATA_DIR=/var/lib/xinxin
RUN useradd --system --uid 10001 --home-dir /var/lib/xinxin --create-home --shell /usr/sbin/nologin xinxin
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/xinxin
COPY pyproject.toml ./
COPY app app
COPY migrations migrations
COPY scripts/container scripts/container
RUN python -m compileall -q app migrations
USER xinxin
VOLUME /var/lib/xinxin
EXPOSE 8000
# Requests in flight have ten seconds, jobs six. Docker waits ten unless told more: `docker stop -t 15`, `stop_grace_period: 15s`.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["scripts/container", "health"]
ENTRYPOINT ["scripts/container"]
CMD ["web"]
