"""Where rules of layers and Keras differ on purpose, each with its reason; and the table of it for the docs.

It stands apart from the tests, so that the table is made and held fresh without TensorFlow.
"""

from __future__ import annotations

from specc import catalog
from specc.calls import TensorArgument
from specc.shapes import names

DRAWS = 10
"""How many configurations of each layer and op are held against Keras in the ordinary tests."""

MANY = 200
"""How many in the slow ones, others each time."""

IMAGES = [
    name
    for name in names("layers")
    if (takes := catalog.signature("layers", name)) and takes.tensors[:1] == (TensorArgument("data"),)
]

CELLS = ("GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells")

# What Keras accepts, and even runs, and a rule refuses all the same: each with its reason.
STRICTER = {
    **{(n, "S301"): "Keras takes a single image for a batch of one; a network only ever sees batches" for n in IMAGES},
    **{
        (n, "S301"): "of three dimensions Keras declares four, and now and then three come out"
        for n in ("AdaptiveAveragePooling2D", "AdaptiveMaxPooling2D")
    },
    ("TimeDistributed", "S301"): "Keras does not ask the wrapped layer what it takes, and now and then it comes out",
    ("Attention", "S301"): "a value without steps has its batch taken for them, and now and then it comes out",
    ("AdditiveAttention", "S301"): "a value without steps has its batch taken for them, and now and then it comes out",
    ("MultiHeadAttention", "S105"): "of one feature, `attention_axes` can be that of the features",
    ("MultiHeadAttention", "S301"): "without steps, `attention_axes` can have the heads attend to each other",
    ("CutMix", "S105"): "in 16 bits it fails once it trains",
    ("Dropout", "S304"): "text passes through a dropout until the dropout does something",
    ("EinsumDense", "S301"): "Keras multiplies matrices for an equation that looks like it, however many dimensions",
    ("EinsumDense", "S105"): "Keras declares an output of more dimensions than its equation has, which never comes",
    **{(n, "S204"): "a state too many is passed over" for n in ("GRU", "SimpleRNN", "LSTM", "RNN", "Bidirectional")},
    **{(n, "S204"): "a state too many is passed over" for n in CELLS},
    **{(n, "S302"): "a state of another width stretches a single unit" for n in CELLS},
    **{
        (n, "S301"): "of what is not one step, something now and then comes out"
        for n in ("RNN", "Bidirectional", *CELLS)
    },
    ("ReversibleEmbedding", "S301"): "one vector without a batch is multiplied like a matrix",
    ("MelSpectrogram", "S301"): "a single sound is taken, and of several dimensions what is declared never comes",
}

# Where Keras declares something that is something else when it runs, a rule leaves it unknown.
LOOSER = {
    "Activation": "`glu` leaves a half of the last dimension, declared whole",
    "CategoryEncoding": "of more than two dimensions, another one is taken for the categories than is declared",
    "ContrastLimitedAdaptiveHistogramEqualization": "whole numbers stay whole numbers, declared floats",
    "Hashing": "`one_hot` gives a vector for each value, declared one for all",
    "IntegerLookup": "what is encoded comes as int64, declared float32",
    "MaxNumBoundingBoxes": "whole numbers stay whole numbers, declared floats",
    "MelSpectrogram": "now and then one frame more is declared than comes",
    "MultiHeadAttention": "the scores are as long as the value, not as the query",
    "ReversibleEmbedding": "`reverse_dtype` is not declared",
    "SpectralNormalization": "what comes is cast to the dtype of the input, declared a float",
    "StringLookup": "what is encoded comes as int64, declared float32; what is inverted as text, declared int64",
    "TextVectorization": "what is encoded comes as int64, and a dimension of 1 is gone, declared kept",
}

# Where Keras declares less than it makes: what a rule says beyond it must come out.
FINER = {"Pipeline": "a cropped image has the size that it is cropped to, which Keras does not see inside a pipeline"}

# The same of ops.
_WINDOW = "no window fits, and Keras goes on with none"
STRICTER_OPS = {
    ("adaptive_average_pool", "S105"): "Keras reads the first of too many sizes, and declares them all",
    ("adaptive_max_pool", "S105"): "likewise",
    ("extract_sequences", "S303"): _WINDOW,
    ("stft", "S303"): _WINDOW,
    ("unfold", "S303"): _WINDOW,
    ("image.gaussian_blur", "S105"): "a kernel of no pixels makes every image black",
    ("image.rgb_to_grayscale", "S304"): "of one channel Keras gives back what it is given, text too",
    ("istft", "S105"): "Keras takes every other name of a window for `hamming`",
    ("scatter_update", "S302"): "Keras multiplies (`mul`) by the first of too many updates",
    ("image.elastic_transform", "S305"): "of a batch that it does not know, Keras keeps the first image only",
}

_FIRST = "Keras declares the shape of the first tensor, also where the second makes more of it"
LOOSER_OPS = {
    "adaptive_average_pool": "Keras declares one dimension too many where the channels come last",
    "adaptive_max_pool": "likewise",
    "categorical_crossentropy": "Keras declares the last dimension gone, whichever `axis` says",
    "cross": "of vectors of unknown length Keras declares that they have two numbers",
    "dot_product_attention": "Keras declares the width of the query, and it is that of the value",
    "image.scale_and_translate": "Keras declares `output_shape`, and only `spatial_dims` become so",
    "multi_hot": "of a single number Keras declares all marks, and gives the largest of them",
    "istft": "Keras declares `length`, also where the signal is shorter",
    "polar": "Keras declares the shape of the lengths, also where the angles make more of it",
    "slogdet": "Keras declares one sign for all matrices",
    "solve_triangular": "Keras declares the shape of `b`, also where `a` has more matrices",
    **dict.fromkeys(("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift"), _FIRST),
    **dict.fromkeys(("left_shift", "right_shift"), _FIRST),
    "corrcoef": "Keras declares the shape of the input, and it is as many rows by as many",
    **dict.fromkeys(
        ("quantile", "nanquantile"), "a list of one quantile makes a dimension that Keras does not declare"
    ),
    "correlate": "Keras takes the vectors for ones of which the first is the longer",
    "meshgrid": "Keras declares one dtype for all, and by `ij` always `float32`",
    "ndim": "Keras declares a tensor, and it is a plain number",
    "rot90": "Keras declares that two axes change places, also when turned twice",
    "trapezoid": "Keras does not look at the places, which may make more of it",
    "select": "Keras declares the first tensor, also where the others make more of it",
}

WITHOUT = {"TFSMLayer": "what a saved model gives stands in its files, which checking does not read"}
"""The layers of which there can be no rule."""


def table() -> str:
    """Layers by agreement with Keras, a row each."""
    rows = []
    for name in catalog.names("layers"):
        strict = "; ".join(f"{code}: {reason}" for (of, code), reason in STRICTER.items() if of == name)
        loose = LOOSER.get(name, "") + (f"more is known: {FINER[name]}" if name in FINER else "")
        known = f"yes | {DRAWS}, {MANY} | {strict} | {loose}" if name not in WITHOUT else f"no | | {WITHOUT[name]} |"
        rows.append(f"| `{name}` | {known} |".replace("  ", " "))
    return "\n".join(
        [
            "A rule and Keras are asked about the same configurations, wrong ones among them. They agree on",
            "shapes, dtypes, weights, what of them is trained, and on refusing; what Keras declares and a rule",
            f"refuses, Keras fails on once it runs. `make test` draws {DRAWS} configurations of each layer,",
            f"`make test-all` {MANY}, others each time. Stricter: a rule refuses what Keras now and then runs.",
            "Looser: a rule leaves unknown what Keras declares, because something else comes.",
            "",
            "| layer | rule | drawn | stricter than Keras | looser than Keras |",
            "| --- | --- | --- | --- | --- |",
            *rows,
        ]
    )


def table_of_ops() -> str:
    """The ops of which a rule and Keras differ on purpose, a row each."""
    differ = sorted({op for op, _ in STRICTER_OPS} | set(LOOSER_OPS))
    rows = []
    for name in differ:
        strict = "; ".join(f"{code}: {reason}" for (of, code), reason in STRICTER_OPS.items() if of == name)
        rows.append(f"| `{name}` | {strict} | {LOOSER_OPS.get(name, '')} |".replace("  ", " "))
    return "\n".join(
        [
            "Ops are held against Keras in the same way, and their shapes also against what comes out. Of the other",
            f"{len(names('ops')) - len(differ)} nothing differs.",
            "",
            "| op | stricter than Keras | looser than Keras |",
            "| --- | --- | --- |",
            *rows,
        ]
    )
