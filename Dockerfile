# kappa, with LibTorch, in a container that is no root's: docs/guide/installing.md
#   docker build --tag kappaface .
#   docker build --tag kappaface:cuda --build-arg VARIANT=cu130 .
ARG NODE_VERSION=24
FROM node:${NODE_VERSION}-bookworm-slim

# Python fetches LibTorch, and is not used afterwards.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates python3 python3-pip \
  && rm -rf /var/lib/apt/lists/*

ARG VERSION=latest
RUN npm install --global --no-audit --no-fund "kappaface@${VERSION}" \
  && npm cache clean --force

# LibTorch, and the faces that are drawn: a volume here keeps them.
ENV KAPPA_CACHE=/var/cache/kappaface
RUN install --directory --owner=node --group=node "$KAPPA_CACHE" /work
USER node
WORKDIR /work

# cpu, or cu130: CUDA 13, for docker run --gpus all.
ARG VARIANT=cpu
ENV KAPPA_LIBTORCH_VARIANT=${VARIANT}
RUN kappa libtorch install --no-build && kappa doctor

ENTRYPOINT ["kappa"]
CMD ["--help"]
