# espnet2_nix with what training needs. torch brings its own CUDA libraries: the same image trains on a CPU and on a GPU.
#   docker build -t espnet2_nix .
#   docker run --rm -v "$PWD/work:/data" espnet2_nix run toy_kss
#   docker run --rm --gpus all --shm-size 8g -v /path/to/kss:/kss:ro -e KSS=/kss -v "$PWD/work:/data" espnet2_nix run kss
#   docker run --rm -v "$PWD/work:/data" espnet2_nix speak "안녕하세요." --voice toy_kss/exp/nix_tts/voice -o hello.wav
ARG BASE=python:3.12-slim

FROM ${BASE} AS builder
RUN apt-get update && apt-get install -y --no-install-recommends build-essential \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN python3 -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir ".[train]"

FROM ${BASE}
# git: local/data.sh of emotiontts; libsndfile comes with the soundfile wheel.
RUN apt-get update && apt-get install -y --no-install-recommends git libgomp1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=builder /opt/venv /opt/venv
COPY egs2 /opt/espnet2_nix/egs2
COPY tools/docker_entrypoint.sh /usr/local/bin/espnet2_nix
ENV NIX_PYTHON=/opt/venv/bin/python3 PATH=/opt/venv/bin:$PATH
WORKDIR /data
ENTRYPOINT ["espnet2_nix"]
