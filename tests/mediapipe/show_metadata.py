"""Shows a model's metadata by the schema's own classes. Run by MediaPipe's own Python, which has no edgecls.

    show_metadata.py MODEL.tflite

Writes JSON with the schema's names. (MediaPipe 1.2 has a MetadataDisplayer for this; importing it fails.)
"""

import json
import sys
from pathlib import Path

import numpy as np
from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata_schema
from mediapipe.tasks.metadata import schema_py_generated as model_schema


def main(path: str) -> None:
    model = model_schema.ModelT.InitFromObj(model_schema.Model.GetRootAs(Path(path).read_bytes()))
    (number,) = (entry.buffer for entry in model.metadata if entry.name == b"TFLITE_METADATA")
    content = model.buffers[number].data.tobytes()
    assert metadata_schema.ModelMetadata.ModelMetadataBufferHasIdentifier(content, 0)
    metadata = metadata_schema.ModelMetadata.GetRootAs(content)
    json.dump(metadata_schema.ModelMetadataT.InitFromObj(metadata), sys.stdout, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode()
    return value.tolist() if isinstance(value, np.ndarray) else vars(value)


if __name__ == "__main__":
    main(sys.argv[1])
