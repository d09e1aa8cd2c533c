"""Which layers, operations and activations of a Keras file are built, and why the others are not."""

COMPUTES, ACTS_IN_TRAINING = "computes", "acts only in training"

_CODE = "can run code; replace it by Keras's own layers"
_RECURRENT = "goes through a sequence step by step; networks for pictures alone are exported"
_WRAPPER = "wraps another layer; use that layer itself"
_NOT_FOR_PICTURES = "is for texts, tables or sounds; networks for pictures alone are exported"
_VARIES = "alters pictures in use too; leave it out of the network"
_GONE = "is not in Keras 3; replace it by a Conv2D"
_OF_APPLICATIONS = (
    "is part of a network of keras.applications, not of Keras's layers; convert the network where it was "
    "made (`tf.lite.TFLiteConverter.from_keras_model`), and run the TFLite file"
)

LAYERS: dict[str, str] = {
    **dict.fromkeys(
        (
            *("Activation", "ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax", "ThresholdedReLU"),
            *("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"),
            *("Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"),
            *("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"),
            *("Dense", "EinsumDense"),
            *("AdditiveAttention", "Attention", "GroupQueryAttention", "MultiHeadAttention"),
            *("AveragePooling1D", "AveragePooling2D", "AveragePooling3D"),
            *("MaxPooling1D", "MaxPooling2D", "MaxPooling3D"),
            *("AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D"),
            *("AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D"),
            *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D"),
            *("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D"),
            *("BatchNormalization", "GroupNormalization", "LayerNormalization", "RMSNormalization"),
            *("Normalization", "Rescaling", "UnitNormalization"),
            *("CenterCrop", "RandomCrop", "Resizing"),  # RandomCrop crops the middle in use
            *("Cropping1D", "Cropping2D", "Cropping3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"),
            *("UpSampling1D", "UpSampling2D", "UpSampling3D"),
            *("Flatten", "Identity", "Permute", "RepeatVector", "Reshape"),
            *("InputLayer", "Functional", "Sequential"),
        ),
        COMPUTES,
    ),
    **dict.fromkeys(
        (
            *("ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise"),
            *("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"),
            *("RandomBrightness", "RandomColorDegeneration", "RandomColorJitter", "RandomContrast"),
            *("RandomElasticTransform", "RandomErasing", "RandomFlip", "RandomGaussianBlur"),
            *("RandomGrayscale", "RandomHeight", "RandomHue", "RandomInvert", "RandomPerspective"),
            *("RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear"),
            *("RandomTranslation", "RandomWidth", "RandomZoom"),
            *("AugMix", "CutMix", "MixUp", "RandAugment"),
        ),
        ACTS_IN_TRAINING,
    ),
    **dict.fromkeys(("Lambda", "TorchModuleWrapper", "FlaxLayer", "JaxLayer", "TFSMLayer"), _CODE),
    **dict.fromkeys(("AutoContrast", "CLAHE", "Equalization", "Solarization"), _VARIES),
    **dict.fromkeys(("LocallyConnected1D", "LocallyConnected2D"), _GONE),
    **dict.fromkeys(
        (
            *("LSTM", "GRU", "SimpleRNN", "RNN", "CuDNNLSTM", "CuDNNGRU", "StackedRNNCells", "Bidirectional"),
            *("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "TimeDistributed", "Masking"),
        ),
        _RECURRENT,
    ),
    **dict.fromkeys(("SpectralNormalization", "Wrapper", "Pipeline"), _WRAPPER),
    **dict.fromkeys(
        (
            *("Embedding", "ReversibleEmbedding", "TextVectorization", "StringLookup", "IntegerLookup"),
            *("CategoryEncoding", "Discretization", "Hashing", "HashedCrossing", "FeatureSpace"),
            *("MelSpectrogram", "STFTSpectrogram", "MaxNumBoundingBoxes"),
        ),
        _NOT_FOR_PICTURES,
    ),
    **dict.fromkeys(("LayerScale", "StochasticDepth", "CustomScaleLayer"), _OF_APPLICATIONS),
    "TensorFlowOpLayer": "was written by TensorFlow 2.0 to 2.3; build the network again, load its weights "
    "into it (`load_weights`) and save that",
}
"""What becomes of a layer: `COMPUTES` (built), `ACTS_IN_TRAINING` (left out), or why it is refused."""

UNKNOWN = "is not one of Keras's own, and may run code; replace it by Keras's own layers"
UNKNOWN_OPERATION = "is an operation that edgecls does not build; replace it by one of Keras's layers"
UNKNOWN_ACTIVATION = "has an activation that is not one of Keras's own, and may run code; use one of Keras's"

OPERATION_LAYERS = frozenset(["TFOpLambda", "SlicingOpLambda"])
"""How Keras 2 saved a function of TensorFlow; which one says its option `function`."""

OPERATIONS: dict[str, frozenset[str]] = {
    "numpy": frozenset(
        [
            *("Absolute", "Abs", "Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Negative", "Power"),
            *("Square", "Sqrt", "Exp", "Log", "Log1p", "Maximum", "Minimum", "Clip", "Sign", "Reciprocal"),
            *("Mean", "Max", "Amax", "Min", "Amin", "Sum", "Var", "Std", "Prod", "Average"),
            *(
                "Concatenate",
                "ExpandDims",
                "Flip",
                "GetItem",
                "Moveaxis",
                "Pad",
                "Ravel",
                "Repeat",
                "Reshape",
            ),
            *("Roll", "Split", "Squeeze", "Stack", "Swapaxes", "Tile", "Transpose", "BroadcastTo", "Take"),
            *("Dot", "Einsum", "Matmul", "Tanh", "Sin", "Cos", "Floor", "Ceil", "Round", "Where"),
            *("Greater", "GreaterEqual", "Less", "LessEqual", "Copy"),
        ]
    ),
    "nn": frozenset(
        [
            *("Relu", "Relu6", "Sigmoid", "LogSigmoid", "Softplus", "Softsign", "Silu", "LeakyRelu", "Elu"),
            *("Selu", "Celu", "Gelu", "HardSigmoid", "HardSilu", "HardTanh", "Softmax", "LogSoftmax"),
            *("AveragePool", "MaxPool", "Normalize"),
        ]
    ),
    "core": frozenset(["Cast", "StopGradient", "Slice"]),
    "image": frozenset(["CropImages", "PadImages", "Resize", "RGBToGrayscale"]),
    "math": frozenset(["Rsqrt", "Logsumexp", "Erf"]),
}
"""The operations of Keras 3, by the module that has them: they only compute."""

ACTIVATIONS = frozenset(
    [
        *("celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish"),
        *("hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu"),
        *("sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "squareplus"),
        *("swish", "tanh", "tanh_shrink", "threshold"),
    ]
)
