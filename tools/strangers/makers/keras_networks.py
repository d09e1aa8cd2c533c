"""Networks that Keras's users build: those of its tutorials, with layers of every kind."""

import numpy as np

from .given import ridge, targets
from .networks import FIT, fit, keras, layers, seen, shake, small


def softmax_layer():
    model = small(head=None)
    return keras.Model(model.inputs, layers.Softmax()(model.outputs[0]))


def normalization():
    layer = layers.Normalization()
    layer.adapt(seen(FIT, 48, "0..255"))
    return small(first=[layer])


def operations():
    inputs = keras.Input((48, 48, 3))
    x = inputs / 127.5 - 1.0
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


def blank_names():
    return with_names("my input", "first conv", "the pool", "cat or dog?")


def with_names(*names):
    inputs = keras.Input((48, 48, 3), name=names[0])
    x = layers.Conv2D(8, 3, activation="relu", name=names[1])(inputs)
    x = layers.GlobalAveragePooling2D(name=names[2])(x)
    return keras.Model(inputs, layers.Dense(3, activation="softmax", name=names[3])(x))


def renamed(model):
    """The same network under names that TensorFlow takes; it gives both their weights."""
    twin = fit(with_names("a", "b", "c", "d"), seen(FIT, 48))
    model.set_weights(twin.get_weights())
    return twin


def animals(model):
    return keras.Model(model.inputs, model.get_layer("animals").output)


def squeeze(x):
    y = layers.GlobalAveragePooling2D(keepdims=True)(x)
    y = layers.Conv2D(8, 1, activation="sigmoid")(layers.Conv2D(4, 1, activation="swish")(y))
    return layers.Conv2D(12, 3, activation="relu")(layers.Multiply()([x, y]))


def merges(x):
    a, b = (layers.Conv2D(8, 3, padding="same", activation="relu")(x) for _ in range(2))
    merged = [
        layers.Add()([a, b]),
        layers.Subtract()([a, b]),
        layers.Average()([a, b]),
        layers.Maximum()([a, b]),
        layers.Minimum()([a, b]),
    ]
    return layers.Concatenate()(merged)


def attention(x):
    x = layers.Reshape((36, 8))(layers.AveragePooling2D(4)(x))
    return layers.GlobalAveragePooling1D()(layers.Add()([x, layers.MultiHeadAttention(2, 4)(x, x)]))


def flowers():
    """As the tutorial "Image classification" of TensorFlow builds it."""
    return keras.Sequential(
        [
            keras.Input((96, 96, 3)),
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.1),
            layers.RandomZoom(0.1),
            layers.Rescaling(1.0 / 255),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.2),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dense(3, activation="softmax", name="outputs"),
        ]
    )


def from_scratch():
    """As the tutorial "Image classification from scratch" of Keras builds it, narrower."""
    inputs = keras.Input(shape=(96, 96, 3))
    x = layers.Rescaling(1.0 / 255)(inputs)
    x = layers.Activation("relu")(
        layers.BatchNormalization()(layers.Conv2D(16, 3, strides=2, padding="same")(x))
    )
    previous = x
    for size in (16, 24):
        for _ in range(2):
            x = layers.Activation("relu")(x)
            x = layers.BatchNormalization()(layers.SeparableConv2D(size, 3, padding="same")(x))
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        x = layers.add([x, layers.Conv2D(size, 1, strides=2, padding="same")(previous)])
        previous = x
    x = layers.Activation("relu")(
        layers.BatchNormalization()(layers.SeparableConv2D(32, 3, padding="same")(x))
    )
    x = layers.Dropout(0.25)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def digits():
    return keras.Sequential(
        [
            keras.Input((32, 32, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(12, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(3, activation="softmax"),
        ]
    )


def cifar():
    return keras.Sequential(
        [
            layers.Conv2D(8, (3, 3), activation="relu", input_shape=(32, 32, 3)),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(16, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(16, (3, 3), activation="relu"),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dense(3, activation="softmax"),
        ]
    )


def transfer():
    """As the tutorial "Transfer learning and fine-tuning" builds it: operations of preprocess_input first."""
    base = keras.applications.MobileNetV2(
        input_shape=(96, 96, 3), alpha=0.35, include_top=False, weights=None
    )
    inputs = keras.Input(shape=(96, 96, 3))
    x = keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.2)])(inputs)
    x = keras.applications.mobilenet_v2.preprocess_input(x)
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(base(x, training=False)))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def teachable_machine():
    """As Teachable Machine builds it: two Sequential models in one, MobileNetV2 of width 0.35 inside."""
    base = keras.applications.MobileNetV2(
        input_shape=(96, 96, 3), alpha=0.35, include_top=False, weights=None
    )
    body = keras.Sequential([keras.Model(base.inputs, layers.GlobalAveragePooling2D()(base.outputs[0]))])
    head = keras.Sequential(
        [layers.Dense(24, activation="relu"), layers.Dense(3, use_bias=False, activation="softmax")]
    )
    model = keras.Sequential([body, head])
    model.build((None, 96, 96, 3))
    pictures = seen(FIT, 96, "-1..1", "center")
    shake(model, pictures)
    features = np.asarray(body.predict(pictures, verbose=0))
    hidden = np.asarray(head.layers[0](features.reshape(len(features), -1)))
    weights, _ = ridge(hidden, targets(3), has_bias=False)
    head.layers[1].set_weights([weights])
    return model


def nested_sequential():
    block = keras.Sequential(
        [keras.Input((48, 48, 3)), layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D()],
        name="block",
    )
    inner = keras.Input((23, 23, 8))
    second = keras.Model(inner, layers.BatchNormalization()(layers.DepthwiseConv2D(3)(inner)), name="second")
    inputs = keras.Input((48, 48, 3))
    x = layers.GlobalAveragePooling2D()(second(block(inputs)))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def dictionary():
    return keras.Model(*heads(lambda a, b: {"a": a, "b": b}))


def two_heads():
    return keras.Model(*heads(lambda a, b: [a, b]))


def heads(form):
    model = fit(small(), seen(FIT, 48, "0..1"))
    other = layers.Dense(2, activation="softmax", name="sizes")(model.layers[-1].input)
    return model.inputs, form(other, layers.Identity(name="animals")(model.outputs[0]))


def two_inputs():
    a, b = keras.Input((48, 48, 3)), keras.Input((4,))
    x = layers.Concatenate()([layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3)(a)), b])
    return keras.Model([a, b], layers.Dense(3, activation="softmax")(x))


class Halves(layers.Layer):
    """A layer of the user's own."""

    def call(self, x):
        return x / 2
