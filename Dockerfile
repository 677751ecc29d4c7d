# The wheel is built and installed from the same lock file as `make run` uses.
FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/relay
COPY requirements.lock ./
RUN /opt/relay/bin/python -m pip --quiet --disable-pip-version-check --no-input \
    install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY service ./service
COPY profiles ./profiles
COPY mappings ./mappings
RUN /opt/relay/bin/python -m pip --quiet --disable-pip-version-check --no-input \
    wheel --no-deps --no-build-isolation --wheel-dir /dist .
RUN /opt/relay/bin/python -m pip --quiet --disable-pip-version-check --no-input \
    install --no-cache-dir --no-index --no-deps /dist/*.whl

FROM python:3.12-slim
ENV PATH=/opt/relay/bin:$PATH \
    DISCHARGE_RELAY_DATABASE=sqlite:////var/lib/discharge-relay/discharge-relay.db \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# The volume keeps the SQLite database; in production the setting above names a PostgreSQL.
# A fixed user id lets an orchestrator demand a user that is not root.
RUN useradd --system --uid 10001 --home-dir /var/lib/discharge-relay --create-home \
    --shell /usr/sbin/nologin relay
COPY --from=build /opt/relay /opt/relay
USER 10001
WORKDIR /var/lib/discharge-relay
VOLUME /var/lib/discharge-relay
EXPOSE 8080
# Straight to the loopback, whatever proxy the environment names; an answer of 4xx or 5xx raises.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open('http://127.0.0.1:8080/health', timeout=4)"]
CMD ["discharge-relay", "serve", "--host", "0.0.0.0", "--port", "8080"]
