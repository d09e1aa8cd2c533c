"""The classic script with edgecls: load CIFAR-10, look at it, build, fit, evaluate, save, reload, predict."""

import sys
from pathlib import Path

import keras

import edgecls
from edgecls.data.load import load_dataset
from edgecls.edge_runtime import ImageRule
from edgecls.trainer.compiled import probabilities
from edgecls.trainer.fit import fit
from edgecls.trainer.networks import build
from edgecls.trainer.plots import samples_png
from edgecls.trainer.progress import TerminalProgress
from edgecls.trainer.recipe import Recipe
from edgecls.trainer.report import metrics
from edgecls.trainer.train import save_network

source = sys.argv[1] if len(sys.argv) > 1 else "cifar10"  # or digits, or your own folder or zip
rule, recipe = ImageRule(32, 32), Recipe(epochs=10)

data = load_dataset(source, rule, seed=0)
Path("samples.png").write_bytes(samples_png(data.train, data.labels, "The first 16 images"))

keras.utils.set_random_seed(0)
network = build(recipe.design, 32, 32, classes=len(data.labels))
fit(network, data, recipe, progress=TerminalProgress())

test = metrics(probabilities(network, data.test.images), data.test.truth)
print(f"accuracy: {test.accuracy:.2f}\nloss: {test.loss:.2f}")

save_network(network, edgecls.ModelCard(data.labels, rule, io="float32"), Path("image_classification.h5"))
network = keras.models.load_model("image_classification.h5")
answer = network.predict(data.test.images[:1] / 255, verbose=0).argmax()
print(f"It says {data.labels[answer]}, and it is {data.labels[data.test.truth[0]]}.")
