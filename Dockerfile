# The page, for a host of your own. Written with care and never run by us on a container engine: see README.
#   docker build -t beside . && docker compose up
# Python 3.11 on Debian 12, as in development. Pin the digest when you deploy (docker buildx imagetools inspect ...).
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 XDG_CACHE_HOME=/opt/cache
WORKDIR /app
COPY pyproject.toml ./
COPY .ci/env.py .ci/constraints.txt ./.ci/
# The same builder as `make run`, so that the image holds the same versions; "postgres" adds its driver.
# A wrapper and not a link: a linked interpreter would not find its environment.
RUN set -eu; python="$(python3.11 .ci/env.py run postgres)"; mkdir /opt/bin; \
    printf '#!/bin/sh\nexec "%s" "$@"\n' "$python" > /opt/bin/python; chmod 755 /opt/bin/python

FROM python:3.11-slim-bookworm
# What OpenCV and mediapipe link to: GL for mediapipe, glib for both. Debian keeps no old versions, so none is pinned.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgl1 libegl1 libgles2 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin beside \
    && install --directory --owner=beside --group=beside --mode=0700 /data
COPY --from=build /opt /opt
WORKDIR /app
COPY app.py LICENSE MODEL_CARDS.md ./
COPY llm ./llm
COPY perception ./perception
COPY assistant ./assistant
# The root file system may be read-only: Python writes no byte code, and caches go to /tmp (a tmpfs in compose.yaml).
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/matplotlib \
    NUMBA_CACHE_DIR=/tmp/numba GRADIO_TEMP_DIR=/tmp/gradio GRADIO_ANALYTICS_ENABLED=False HF_HUB_OFFLINE=1
USER 10001:10001
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/opt/bin/python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/beside/static/page.js', timeout=4)"]
# Inside a container the port is reachable only where compose.yaml publishes it, which is the host's loopback.
ENTRYPOINT ["/opt/bin/python", "app.py", "--host", "0.0.0.0", "--i-know-this-needs-tls-and-a-login", "--data", "/data"]
