"""Makes ONNX files with PyTorch, torchvision and timm."""

import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from .given import FIT_CELLS, IMAGENET, SCALES, TEST_CELLS, Corpus, prepared, ridge, softmax, targets

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
STRETCH = ["--crop", "stretch"]
WORDS = ["--scale", "0..1", "--mean", "imagenet", "--std", "imagenet"]
_OPERATORS = torch.library.Library("torchvision", "DEF")
for _name in ("nms", "qnms"):  # what torchvision names when it is imported beside a CPU build of PyTorch
    _OPERATORS.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


def seen(cells, side_px, scale="0..1", crop="center", channels="rgb", mean=0.0, std=1.0, **_):
    """Returns a network's float32 input (N, C, H, W)."""
    pixels = prepared(cells, side_px, crop).astype(np.float32)
    if channels == "bgr":
        pixels = pixels[..., ::-1]
    factor, offset = SCALES[scale]
    values = (pixels * factor + offset - np.float32(mean)) / np.float32(std)
    return np.ascontiguousarray(values.astype(np.float32).transpose(0, 3, 1, 2))


class Small(nn.Module):
    """Two convolutions, the mean, and a linear layer."""

    def __init__(self, outputs=3, head=None, channels=3, middle=None):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, 8, 3, 2, 1),
            nn.ReLU(),
            middle or nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU()),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.fc = nn.LazyLinear(outputs)
        self.head = head or nn.Identity()

    def forward(self, x):
        return self.head(self.fc(self.body(x)))


def last_linear(model):
    """Returns the last linear layer of any network."""
    return [module for module in model.modules() if isinstance(module, nn.Linear)][-1]


def fit(model, inputs, outputs=3):
    """Sets the last linear layer by least squares."""
    model.eval()
    kept = []
    with torch.no_grad():
        model(torch.tensor(inputs[:2]))
        last = last_linear(model)
        hook = last.register_forward_hook(lambda _module, given, _out: kept.append(given[0]))
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_running_stats()
                module.momentum = None  # the mean of what it sees
        model.train()
        model(torch.tensor(inputs))
        model.eval()
        kept.clear()
        model(torch.tensor(inputs))
        hook.remove()
        weights, bias = ridge(kept[0].numpy(), targets(outputs))
        last.weight.copy_(torch.tensor(weights.T))
        last.bias.copy_(torch.tensor(bias)) if last.bias is not None else None
    return model


class TorchFiles:
    """Files of the PyTorch that is installed here."""

    def __init__(self, folder, only):
        self.corpus = Corpus(folder, "onnx-torch", f"PyTorch {torch.__version__}", only)

    def save(self, name, kind, build, side=64, options=None, outputs=3, export=None, **rest):
        keys = ("scale", "crop", "channels", "mean", "std")
        sees = {key: rest.pop(key) for key in keys if key in rest}
        after, change = rest.pop("after", softmax), rest.pop("change", None)
        export, half = {"dynamo": False, "opset_version": 17, **(export or {})}, rest.pop("half", False)
        form = rest.pop("form", lambda x: x)

        def make():
            torch.manual_seed(5)
            model = fit(build(), seen(FIT_CELLS, side, **sees), outputs)
            inputs = torch.tensor(form(seen(TEST_CELLS, side, **sees)))
            with torch.no_grad():
                scores = model(inputs)
                if half:
                    model, inputs = model.half(), inputs.half()
            place = self.corpus.path(f"{name}.onnx")
            torch.onnx.export(model, (inputs[:1],), str(place), **export)
            if change:
                change(place)
            self.corpus.add(
                f"{name}.onnx",
                kind,
                after(scores.numpy()),
                options=options if options is not None else [*WORDS],
                **rest,
            )

        self.corpus.attempt(f"{name}.onnx", make)

    def make_all(self):
        for part in (
            self.preparations,
            self.exporters,
            self.heads,
            self.libraries,
            self.layers,
            self.quantised,
        ):
            part()

    def preparations(self):
        imagenet = {"mean": IMAGENET[0], "std": IMAGENET[1]}
        self.imagenet = imagenet
        self.save("imagenet", "mean and deviation", Small, **imagenet)
        self.save("imagenet_resize", "crop", Small, options=[*WORDS, "--resize-to", "64"], **imagenet)
        self.save("imagenet_stretch", "crop", Small, crop="stretch", options=[*WORDS, *STRETCH], **imagenet)
        self.save(
            "half_mean", "mean and deviation", Small, scale="-1..1", options=["--mean", "0.5", "--std", "0.5"]
        )
        self.save(
            "half_mean_as_range", "mean and deviation", Small, scale="-1..1", options=["--scale", "-1..1"]
        )
        self.save("zero_one", "scale", Small, options=["--scale", "0..1"])
        self.save("bytes", "scale", Small, scale="0..255", options=["--scale", "0..255"])
        self.save(
            "bgr_mean",
            "bgr",
            Small,
            scale="0..255",
            channels="bgr",
            mean=(104.0, 117.0, 123.0),
            options=["--scale", "0..255", "--channels", "bgr", "--mean", "104,117,123"],
        )
        self.save(
            "bgr_imagenet",
            "bgr",
            Small,
            channels="bgr",
            mean=IMAGENET[0][::-1],
            std=IMAGENET[1][::-1],
            options=[
                "--scale",
                "0..1",
                "--channels",
                "bgr",
                "--mean",
                "0.406,0.456,0.485",
                "--std",
                "0.225,0.224,0.229",
            ],
        )

    def exporters(self):
        for opset in (11, 12, 13, 14, 16):
            self.save(
                f"old_opset{opset}", "exporter", Small, export={"opset_version": opset}, **self.imagenet
            )
        for opset in (18, 20):
            self.save(
                f"dynamo_opset{opset}",
                "exporter",
                Small,
                export={"dynamo": True, "opset_version": opset, "external_data": False},
                **self.imagenet,
            )
        self.save(
            "dynamo_external",
            "external data",
            Small,
            export={"dynamo": True, "opset_version": 18, "external_data": True},
            change=_external,
            **self.imagenet,
        )
        self.save(
            "dynamo_as_is",
            "external data",
            lambda: Small(middle=nn.Conv2d(8, 64, 3)),
            export={"dynamo": True, "opset_version": 18},
            **self.imagenet,
        )
        batch = {
            "input_names": ["input"],
            "output_names": ["output"],
            "dynamic_axes": {"input": {0: "batch"}, "output": {0: "batch"}},
        }
        self.save("dynamic_batch", "any size", Small, export=batch, **self.imagenet)
        size = {
            **batch,
            "dynamic_axes": {"input": {0: "batch", 2: "height", 3: "width"}, "output": {0: "batch"}},
        }
        self.save(
            "dynamic_size", "any size", Small, export=size, options=[*WORDS, "--imgsz", "64"], **self.imagenet
        )
        self.save("float16", "float16", Small, half=True, tolerance=5e-3, **self.imagenet)
        self.save("float16_inside", "float16", Small, change=_float16_inside, tolerance=5e-3, **self.imagenet)

    def heads(self):
        two = {"labels": "labels_two.txt", "outputs": 1}
        self.save(
            "binary",
            "binary",
            lambda: Small(1, nn.Sigmoid()),
            after=lambda p: np.concatenate([1 - p, p], 1),
            **two,
            **self.imagenet,
        )
        self.save(
            "binary_logit",
            "binary",
            lambda: Small(1),
            after=lambda z: np.concatenate([1 / (1 + np.exp(z)), 1 / (1 + np.exp(-z))], 1),
            **two,
            **self.imagenet,
        )
        self.save("softmax", "head", lambda: Small(3, nn.Softmax(1)), after=lambda p: p, **self.imagenet)
        self.save("log_softmax", "head", lambda: Small(3, nn.LogSoftmax(1)), **self.imagenet)
        self.save(
            "multi_label", "multi-label", lambda: Small(3, nn.Sigmoid()), after=lambda p: p, **self.imagenet
        )
        self.save(
            "output_4d",
            "head",
            lambda: Small(3, nn.Unflatten(1, (3, 1, 1))),
            after=lambda z: softmax(z.reshape(len(z), -1)),
            **self.imagenet,
        )

    def layers(self):
        for name, middle in {
            "batchnorm": lambda: nn.Sequential(nn.Conv2d(8, 12, 3), nn.BatchNorm2d(12), nn.ReLU6()),
            "silu": lambda: nn.Sequential(nn.Conv2d(8, 12, 3, groups=4), nn.SiLU()),
            "gelu": lambda: nn.Sequential(nn.Conv2d(8, 12, 3, dilation=2), nn.GELU()),
            "hardswish": lambda: nn.Sequential(nn.Conv2d(8, 12, 3), nn.Hardswish(), nn.Hardsigmoid()),
            "upsample": lambda: nn.Sequential(
                nn.Conv2d(8, 12, 3), nn.Upsample(scale_factor=2, mode="bilinear")
            ),
            "groupnorm": lambda: nn.Sequential(nn.Conv2d(8, 12, 3), nn.GroupNorm(3, 12), nn.Mish()),
            "maxpool": lambda: nn.Sequential(
                nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.PReLU(8), nn.Dropout(0.2)
            ),
        }.items():
            self.save(
                f"layer_{name}", "layers", lambda middle=middle: Small(middle=middle()), **self.imagenet
            )

    def libraries(self):
        import timm
        import torchvision

        self.corpus.by = f"torchvision {torchvision.__version__}"
        models = torchvision.models
        for arch, build in {
            "shufflenet": lambda: models.ShuffleNetV2([2, 2, 2], [12, 24, 48, 96, 128], num_classes=3),
            "mobilenet_v2": lambda: models.mobilenet_v2(width_mult=0.25, num_classes=3),
            "squeezenet": lambda: nn.Sequential(models.squeezenet1_1(num_classes=6), nn.Linear(6, 3)),
        }.items():
            self.save(f"torchvision_{arch}", "libraries", build, 96, tolerance=2e-4, **self.imagenet)
        self.corpus.by = f"timm {timm.__version__}"
        for arch in ("mobilenetv3_small_050", "test_efficientnet", "test_resnet", "test_vit"):
            half = {"scale": "-1..1", "options": ["--mean", "0.5", "--std", "0.5"]}
            size = {"img_size": 96} if "vit" in arch else {}

            def build(arch=arch, size=size):
                return timm.create_model(arch, num_classes=3, **size)

            sees = self.imagenet if "mobilenet" in arch else half
            self.save(f"timm_{arch}", "libraries", build, 96, tolerance=5e-4, **sees)
        self.corpus.by = f"PyTorch {torch.__version__}"

    def quantised(self):
        from onnxruntime.quantization import (
            CalibrationDataReader,
            QuantType,
            quantize_dynamic,
            quantize_static,
        )

        class Reader(CalibrationDataReader):
            def __init__(self, name):
                self.rows = iter(seen(FIT_CELLS[:30], 64, **self_imagenet))
                self.name = name

            def get_next(self):
                row = next(self.rows, None)
                return None if row is None else {self.name: row[None]}

        self_imagenet = self.imagenet
        source = self.corpus.path("imagenet.onnx")

        def make(name, ends=None):
            place = self.corpus.path(name)
            entry = onnx.load(source).graph.input[0].name
            if name.startswith("dynamic_int8"):
                quantize_dynamic(str(source), str(place), weight_type=QuantType.QUInt8)
            else:
                quantize_static(
                    str(source),
                    str(place),
                    Reader(entry),
                    activation_type=QuantType.QUInt8 if ends != "int8" else QuantType.QInt8,
                )
            step = 2e-3
            if ends:
                step = _integer_ends(place)
            session = onnxruntime.InferenceSession(str(place))
            rows = []
            entry = session.get_inputs()[0]
            for picture in seen(TEST_CELLS, 64, **self.imagenet):
                value = picture[None]
                if ends:
                    scale, zero, kind = _ends(place)[0]
                    info = np.iinfo(kind)
                    value = np.clip(np.round(value / scale) + zero, info.min, info.max).astype(kind)
                row = session.run(None, {entry.name: value})[0].astype(np.float32)
                if ends:
                    scale, zero, _ = _ends(place)[1]
                    row = (row - zero) * scale
                rows.append(row[0])
            self.corpus.add(
                name, "quantised", softmax(np.stack(rows)), options=[*WORDS], tolerance=max(step, 2e-3)
            )

        self.corpus.attempt("static_int8.onnx", lambda: make("static_int8.onnx"))
        self.corpus.attempt("dynamic_int8.onnx", lambda: make("dynamic_int8.onnx"))
        self.corpus.attempt("uint8_ends.onnx", lambda: make("uint8_ends.onnx", "uint8"))
        self.corpus.attempt("int8_ends.onnx", lambda: make("int8_ends.onnx", "int8"))


def _ends(place):
    """Returns scale, zero point and type of a network's integer input and output."""
    graph = onnx.load(place).graph
    numbers = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    first = next(node for node in graph.node if graph.input[0].name in node.input)
    last = next(node for node in graph.node if graph.output[0].name in node.output)
    return [
        (float(numbers[node.input[1]]), int(numbers[node.input[2]]), numbers[node.input[2]].dtype)
        for node in (first, last)
    ]


def _integer_ends(place):
    """Removes the first QuantizeLinear and the last DequantizeLinear, as tools for accelerators do."""
    model = onnx.load(place)
    graph = model.graph
    first = next(node for node in graph.node if graph.input[0].name in node.input)
    last = next(node for node in graph.node if graph.output[0].name in node.output)
    numbers = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    kind = onnx.helper.np_dtype_to_tensor_dtype(numbers[first.input[2]].dtype)
    shapes = [
        [d.dim_value for d in end.type.tensor_type.shape.dim] for end in (graph.input[0], graph.output[0])
    ]
    entry = onnx.helper.make_tensor_value_info(first.output[0], kind, shapes[0])
    leave = onnx.helper.make_tensor_value_info(last.input[0], kind, shapes[1])
    step = float(numbers[last.input[1]])
    graph.node.remove(first)
    graph.node.remove(last)
    del graph.input[:], graph.output[:]
    graph.input.append(entry)
    graph.output.append(leave)
    onnx.save(model, place)
    return step / 4  # of logits: a probability changes by a quarter of that, at most


def _external(place):
    """Moves all weights beside the file, however small they are."""
    model = onnx.load(place)
    for old in place.parent.glob(f"{place.name}.data"):
        old.unlink()
    onnx.save(model, place, save_as_external_data=True, location=f"{place.name}.data", size_threshold=0)


def _float16_inside(place):
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(place), keep_io_types=True), place)


if __name__ == "__main__":
    TorchFiles(Path(sys.argv[1]), sys.argv[2:]).make_all()
