# espnet2_nix with what training needs.
#   docker build -t espnet2_nix .                                                  (CPU)
#   docker build -t espnet2_nix --build-arg BASE=nvidia/cuda:13.0.2-runtime-ubuntu24.04 .  (CUDA; its Python is 3.12)
#   docker run --rm -v "$PWD/work:/work" espnet2_nix run toy_kss
#   docker run --rm -v /data/kss:/kss:ro -v "$PWD/work:/work" -e KSS=/kss --gpus all espnet2_nix run kss --ngpu 1
#   docker run --rm -v "$PWD/work:/work" espnet2_nix speak "안녕하세요." --model voice.zip -o hello.wav
ARG BASE=python:3.12-slim

FROM ${BASE} AS builder
RUN apt-get update && apt-get install -y --no-install-recommends build-essential python3-dev python3-pip python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN python3 -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir ".[train]"

FROM ${BASE}
# git: local/data.sh of emotiontts; libsndfile comes with the soundfile wheel.
RUN apt-get update && apt-get install -y --no-install-recommends python3 git libgomp1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=builder /opt/venv /opt/venv
COPY egs2 /opt/espnet2_nix/egs2
COPY tools/docker_entrypoint.sh /usr/local/bin/espnet2_nix
ENV NIX_PYTHON=/opt/venv/bin/python3 PATH=/opt/venv/bin:$PATH
WORKDIR /work
ENTRYPOINT ["espnet2_nix"]
