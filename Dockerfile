# Two stages: the first has the tools to install, the second has what was installed and nothing else.
FROM python:3.12-slim AS build
ENV UV_LINK_MODE=copy UV_NO_CACHE=1
RUN python -m pip install --no-cache-dir --disable-pip-version-check uv \
 && python -m venv --without-pip /opt/nightshift
WORKDIR /src
COPY pyproject.toml requirements.lock README.md LICENSE ./
# The lock is given as constraints: only what the product needs is taken, at the locked version with the locked
# hash, and the lock's test tools stay out. Wheels only, so no compiler is ever wanted.
RUN uv pip install --python /opt/nightshift/bin/python --require-hashes --only-binary :all: --compile-bytecode \
      --constraint requirements.lock --requirements pyproject.toml
COPY agent/ agent/
COPY api/ api/
COPY core/ core/
COPY engine/ engine/
COPY evals/ evals/
COPY ingest/ ingest/
COPY knowledge/ knowledge/
COPY store/ store/
COPY tools/ tools/
RUN uv pip install --python /opt/nightshift/bin/python --no-deps --compile-bytecode .

FROM python:3.12-slim
# The package names are everyday words (core, store, tools): PYTHONSAFEPATH keeps a folder of the same name in the
# working directory from being imported in their place.
ENV PATH=/opt/nightshift/bin:$PATH \
    PYTHONSAFEPATH=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    NIGHTSHIFT_HOST=0.0.0.0 \
    NIGHTSHIFT_PORT=8080
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin nightshift
COPY --from=build /opt/nightshift /opt/nightshift
# A number, so that an orchestrator can see that it is not root.
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080
# http.client and not urllib: a proxy named in the environment must not answer for us.
HEALTHCHECK --interval=15s --timeout=3s --start-period=30s --retries=3 CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['NIGHTSHIFT_PORT']), timeout=2); c.request('GET', '/health/live'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["nightshift"]
CMD ["serve"]
