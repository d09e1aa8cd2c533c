"""Prints what a camera sees, whenever it changes."""

import sys

import edgecls

name = sys.argv[1] if len(sys.argv) > 1 else "0"  # the first camera; or an address, a video, a folder
model = sys.argv[2] if len(sys.argv) > 2 else "nano"  # a built-in model, or your own file
label = ""

with edgecls.Classifier(model) as classifier, edgecls.open_source(name) as source:
    for frame in source:
        prediction = classifier.classify(frame.picture)
        if prediction.text != label:
            label = prediction.text
            print(f"frame {frame.sequence}: {label} ({prediction.confidence:.0%})", flush=True)
