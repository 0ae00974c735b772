# Two targets. train (the default): what training needs; torch brings its own CUDA libraries: the same image trains on a CPU and on a GPU.
#   docker build -t espnet2_nix .
#   docker run --rm -v "$PWD/work:/data" espnet2_nix run toy_kss
#   docker run --rm --gpus all --shm-size 8g -v /path/to/kss:/kss:ro -e KSS=/kss -v "$PWD/work:/data" espnet2_nix run kss
#   docker run --rm -v "$PWD/work:/data" espnet2_nix speak "안녕하세요." --voice toy_kss/exp/nix_tts/voice -o hello.wav
# serve: nix-tts-server without PyTorch, as any user, with the voices under /voices and those in voices/ of this folder.
#   docker build -t nix-tts-server --target serve .
#   docker run --rm -p 127.0.0.1:8000:8000 -v "$PWD/voices:/voices:ro" nix-tts-server
ARG BASE=python:3.12-slim

FROM ${BASE} AS serve-builder
WORKDIR /src
COPY . .
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir ".[server]" \
    && for voice in voices/*/pyproject.toml; do \
           if [ -e "${voice}" ]; then /opt/venv/bin/pip install --no-cache-dir "./${voice%/pyproject.toml}"; fi; \
       done \
    && /opt/venv/bin/pip uninstall -y pip

FROM ${BASE} AS serve
COPY --from=serve-builder /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH NIX_TTS_VOICES=/voices PYTHONDONTWRITEBYTECODE=1
USER 65534:65534
EXPOSE 8000 10200
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
ENTRYPOINT ["nix-tts-server"]
CMD ["--host", "0.0.0.0", "--port", "8000", "--wyoming", "tcp://0.0.0.0:10200"]

FROM ${BASE} AS builder
RUN apt-get update && apt-get install -y --no-install-recommends build-essential \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN python3 -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir ".[train]"

FROM ${BASE} AS train
# git: local/data.sh of emotiontts; libsndfile comes with the soundfile wheel.
RUN apt-get update && apt-get install -y --no-install-recommends git libgomp1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=builder /opt/venv /opt/venv
COPY egs2 /opt/espnet2_nix/egs2
COPY tools/docker_entrypoint.sh /usr/local/bin/espnet2_nix
# Any user, also one without a home.
ENV NIX_PYTHON=/opt/venv/bin/python3 PATH=/opt/venv/bin:$PATH HOME=/tmp NUMBA_CACHE_DIR=/tmp MPLCONFIGDIR=/tmp
WORKDIR /data
ENTRYPOINT ["espnet2_nix"]
