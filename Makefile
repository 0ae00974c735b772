# Each target sets up .venv first; nothing but Python 3.12 or 3.13 and a C compiler is needed on a fresh machine.
SHELL := /bin/bash
TOY := egs2/toy_kss/nix_tts1
.PHONY: help venv test lint demo real-speech runtime worst-day slurm container clean

help:
	@echo "make demo         set up .venv, run the whole recipe on a small synthetic corpus (minutes on two CPU cores)"
	@echo "make test         set up .venv, run the tests"
	@echo "make lint         set up .venv, check the style of Python and shell"
	@echo "make real-speech  a few steps of every stage on real speech, where EMOTIONTTS points at a corpus"
	@echo "make runtime      source archive and wheel without a compiler; the voice without PyTorch on Python 3.11 and 3.13"
	@echo "make worst-day    broken texts, transcripts, clips, voices and packs: a table of what was refused, read and crashed"
	@echo "make slurm        the recipe through a Slurm of one node, where slurm-wlm and munge are installed"
	@echo "make container    the image of the server, built with buildah and run as another user; CONTAINER='serve train' builds both"
	@echo "make clean        remove .venv and build products"

venv:
	@tools/setup_venv.sh

test: venv
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE .venv/bin/python -m pytest -q

lint: venv
	@tools/lint.sh

demo: venv
	$(TOY)/run.sh
	.venv/bin/nix-tts "나무가 많다. 물을 마신다." --voice $(TOY)/exp/nix_tts/voice -o $(TOY)/exp/nix_tts/hello.wav

real-speech: venv
	@tools/real_speech_check.sh

runtime: venv
	@tools/runtime_check.sh

worst-day: venv
	@tools/worst_day.sh

slurm: venv
	@tools/slurm_check.sh

container: venv
	@tools/container_check.sh $(CONTAINER)

clean:
	rm -rf .venv build *.egg-info espnet2_nix/aligner/*.so espnet2_nix/aligner/_monotonic_alignment.c
