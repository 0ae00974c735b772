# Each target sets up .venv first; nothing but Python 3.12 or 3.13 and a C compiler is needed on a fresh machine.
SHELL := /bin/bash
.PHONY: help venv test lint clean

help:
	@echo "make test   set up .venv, run the tests"
	@echo "make lint   set up .venv, check the style of Python and shell"
	@echo "make clean  remove .venv and build products"

venv:
	@tools/setup_venv.sh

test: venv
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE .venv/bin/python -m pytest -q

lint: venv
	@tools/lint.sh

clean:
	rm -rf .venv build *.egg-info espnet2_nix/aligner/*.so espnet2_nix/aligner/_monotonic_alignment.c
