"""What the values of Keras's arguments look like, as JSON Schema fragments.

Keras says this in prose only, so it is written down here, once, and tests hold it against Keras itself. What has no
row takes its type from its default, so a boolean or a plain number needs none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Fragment = dict[str, Any]


def either(*fragments: Fragment) -> Fragment:
    return {"anyOf": list(fragments)}


def words(*values: str | int | bool | None) -> Fragment:
    return {"enum": list(values)}


def items(item: Fragment, length: int | None = None) -> Fragment:
    """A list of such items, of any length or of exactly this one."""
    bounds = {} if length is None else {"minItems": length, "maxItems": length}
    return {"type": "array", "items": item, **bounds}


def each(item: Fragment, length: int | None = None) -> Fragment:
    """One value for every dimension, or a list with one for each."""
    return either(item, items(item, length))


BOOLEAN: Fragment = {"type": "boolean"}
INTEGER: Fragment = {"type": "integer"}
NATURAL: Fragment = {"type": "integer", "minimum": 0}
COUNT: Fragment = {"type": "integer", "minimum": 1}
NUMBER: Fragment = {"type": "number"}
POSITIVE: Fragment = {"type": "number", "exclusiveMinimum": 0}
UNSIGNED: Fragment = {"type": "number", "minimum": 0}
FRACTION: Fragment = {"type": "number", "minimum": 0, "maximum": 1}
STRING: Fragment = {"type": "string"}
PATH: Fragment = {"type": "string", "format": "path"}
ARRAY: Fragment = {"$ref": "#/$defs/array"}
DTYPE: Fragment = {"$ref": "#/$defs/dtype"}
SIGNED: Fragment = {"type": "number", "minimum": -1, "maximum": 1}
PAIR = items(NUMBER, 2)
SIDES = either(NATURAL, items(NATURAL, 2))
SHAPE = items({"type": ["integer", "null"], "minimum": -1})
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")

RANKED = ("kernel_size", "strides", "dilation_rate", "pool_size", "output_size", "output_padding", "size")
"""Arguments with a value for each spatial dimension: as many as the layer's name says, `Conv2D`."""

ROWS: tuple[tuple[Fragment, str], ...] = (
    # Whole numbers
    (COUNT, "units filters input_dim output_dim n num_heads key_dim value_dim head_dim num_query_heads groups"),
    (COUNT, "num_key_value_heads height width depth_multiplier lora_rank num_tokens num_bins max_number"),
    (COUNT, "num_mel_bins fft_length frame_length frame_step sequence_length sequence_stride sampling_rate classes"),
    (COUNT, "power_iterations output_sequence_length sliding_window num_chains chain_depth batch_size num_classes"),
    (COUNT, "num_thresholds metrics/k metrics/top_k num_labels max_to_keep bins"),
    (COUNT, "dynamic_growth_steps ema_overwrite_frequency ns_steps target_height"),
    (COUNT, "target_width beam_width top_paths block_size num_segments num filter_size top_k.k in_top_k.k"),
    ({"type": "integer", "minimum": 2}, "max_tokens AUC.num_thresholds gradient_accumulation_steps"),
    (COUNT, "UpSampling1D.size unique.size unstack.num num_ops"),
    (NATURAL, "num_oov_indices patience cooldown start_from_epoch histogram_freq embeddings_freq"),
    (NATURAL, "ScheduleFreeAdamW.warmup_steps"),
    (NATURAL, "class_id num_regressors minlength kth ops/length ops/N ops/M diff.n identity.n profile_batch"),
    (NATURAL, "top_padding left_padding bottom_padding right_padding top_cropping left_cropping"),
    (NATURAL, "bottom_cropping right_cropping bartlett.x blackman.x hamming.x hanning.x kaiser.x"),
    (either(COUNT, words(-1)), "GroupNormalization.groups"),
    (INTEGER, "seed axis1 axis2 axisa axisb axisc decimals diagonal.offset trace.offset ignore_class mask_index"),
    (INTEGER, "ops/k gptq_unpacked_column_size IntegerLookup.mask_token IntegerLookup.oov_token"),
    (INTEGER, "BatchNormalization.axis Concatenate.axis concatenate.axis stack.axis one_hot.axis argmax.axis"),
    (INTEGER, "argmin.axis repeat.axis take.axis take_along_axis.axis split.axis argsort.axis sort.axis"),
    (BOOLEAN, "flash_attention training sparse ragged"),
    (BOOLEAN, "BatchNormalization.scale GroupNormalization.scale LayerNormalization.scale"),
    # Numbers
    (NUMBER, "stddev max_freq max_value warmup_target initial_value_threshold baseline weight_decay"),
    (NUMBER, "lora_alpha loss_scale_factor attn_logits_soft_cap logit_soft_cap initial constant_values"),
    (NUMBER, "posinf neginf tol rcond"),
    (NUMBER, "max_val kaiser.beta fill_value initial_learning_rate decay_rate start stop step x_min x_max scale"),
    (NUMBER, "default_value threshold epsilon mask_value clipnorm clipvalue global_clipnorm min_lr min_delta factor"),
    (POSITIVE, "VarianceScaling.scale FBetaScore.beta decay_steps first_decay_steps"),
    (POSITIVE | {"maximum": 1}, "F1Score.threshold FBetaScore.threshold Lion.beta_1"),
    (POSITIVE | {"exclusiveMaximum": 1}, "CategoricalGeneralizedCrossEntropy.q"),
    ({"type": "number", "exclusiveMaximum": 1}, "ReduceLROnPlateau.factor"),
    ({"type": "number", "maximum": 0}, "learning_rate_power"),
    (UNSIGNED, "schedules/warmup_steps"),
    (UNSIGNED, "l1 l2 OrthogonalRegularizer.factor Ftrl.initial_accumulator_value l1_regularization_strength"),
    (UNSIGNED, "l2_regularization_strength l2_shrinkage_regularization_strength"),
    (UNSIGNED, "ReLU.max_value ReLU.negative_slope ReLU.threshold LeakyReLU.negative_slope"),
    (FRACTION, "layers/dropout recurrent_dropout layers/rate recall precision specificity sensitivity"),
    (FRACTION, "GaussianNoise.stddev RandomGrayscale.factor RandomPerspective.scale"),
    (FRACTION, "label_smoothing ema_momentum SGD.momentum dropout_rate applications/dropout"),
    ({"type": ["number", "boolean"]}, "full.fill_value full_like.fill_value"),
    # Words
    (STRING, "name equation bias_axes monitor subscripts pattern call_endpoint call_training_endpoint"),
    (STRING, "StringLookup.mask_token StringLookup.oov_token"),
    ({"type": ["string", "integer"]}, "Hashing.mask_value"),
    (PATH, "filepath backup_dir filename directory log_dir embeddings_metadata"),
    (DTYPE, "dtype reverse_dtype"),
    (words("int64"), "vocabulary_dtype"),
    (words("channels_last", "channels_first"), "data_format"),
    (words("valid", "same", "VALID", "SAME"), "padding"),
    (words("valid", "same", "causal", "VALID", "SAME", "CAUSAL"), "Conv1D.padding"),
    (words("constant", "nearest", "wrap", "reflect"), "fill_mode"),
    (words("constant", "nearest", "wrap", "mirror", "reflect"), "image.map_coordinates.fill_mode"),
    (words("constant"), "Resizing.fill_mode image.resize.fill_mode"),
    (words("nearest", "bilinear"), "interpolation"),
    (words(*INTERPOLATIONS), "Resizing.interpolation UpSampling2D.interpolation image.resize.interpolation"),
    (words("linear", "bilinear", "trilinear", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5"), "image/method"),
    (words("horizontal", "vertical", "horizontal_and_vertical"), "RandomFlip.mode"),
    (words("int", "one_hot", "multi_hot", "count", "tf_idf"), "output_mode"),
    (words("int", "one_hot", "multi_hot", "count"), "Discretization.output_mode Hashing.output_mode"),
    (words("int", "multi_hot", "count", "tf_idf"), "TextVectorization.output_mode"),
    (words("one_hot", "multi_hot", "count"), "CategoryEncoding.output_mode"),
    (words("int", "one_hot"), "HashedCrossing.output_mode"),
    (words("lower_and_strip_punctuation", "lower", "strip_punctuation", None), "standardize"),
    (words("whitespace", "character", None), "TextVectorization.split"),
    (words("floormod", "farmhash"), "oov_method"),
    (words("sum", "mul", "concat", "ave", None), "merge_mode"),
    (words("dot", "concat"), "score_mode"),
    (words("density", "spectrum", None), "scaling"),
    (words("log", "magnitude", "psd", "real", "imag", "angle", "stft"), "STFTSpectrogram.mode"),
    (words("fan_in", "fan_out", "fan_avg"), "VarianceScaling.mode"),
    (words("normal", "truncated_normal", "untruncated_normal", "uniform"), "distribution"),
    (words("real", "imag"), "STFT.side"),
    (words("rows", "columns"), "OrthogonalRegularizer.mode"),
    (words("sum", "sum_over_batch_size", "mean", "mean_with_sample_weight", "none", None), "reduction"),
    (words("micro", "macro", "weighted", None), "average"),
    (words("uniform_average", "variance_weighted_average", None), "class_aggregation"),
    (words("ROC", "PR"), "curve"),
    (words("interpolation", "minoring", "majoring"), "summation_method"),
    (words("auto", "min", "max"), "callbacks/mode"),
    (words(0, 1, 2, "auto", True, False), "verbose"),
    (words("avg", "max"), "pooling"),
    (words("left", "right"), "searchsorted.side"),
    (words("xy", "ij"), "indexing"),
    (words("greedy", "beam_search"), "strategy"),
    (words("constant", "reflect", "symmetric"), "pad.mode"),
    (words("reduced", "complete"), "qr.mode"),
    (words("valid", "same", "full"), "correlate.mode"),
    (words("add", "max", "min", "mul"), "scatter_update.reduction"),
    (words("linear", "lower", "higher", "midpoint", "nearest"), "ops/method"),
    (words(0, 1), "image.map_coordinates.order"),
    # Choices between kinds of value
    (either(BOOLEAN, words("auto")), "use_cudnn"),
    (either(COUNT, words("epoch")), "save_freq"),
    (either(COUNT, words("batch", "epoch")), "update_freq"),
    (either(words("hann", "hamming", None), items(NUMBER)), "window"),
    (either(NUMBER, words("fro", "nuc")), "norm.ord"),
    (either(COUNT, items(INTEGER)), "indices_or_sections"),
    (either(STRING, items({"type": ["string", "number"]})), "vocabulary"),
    (either(INTEGER, items(INTEGER, 2)), "salt"),
    (either(COUNT, items(COUNT)), "ngrams"),
    # One or one for each
    (each(INTEGER), "axis axes shared_axes attention_axes input_axes output_axes source destination shift repeats"),
    (each(COUNT), "kernel_size strides dilation_rate pool_size output_size extract_patches.size image/size"),
    (each(NATURAL), "output_padding"),
    (each(COUNT, 2), "UpSampling2D.size RandomGaussianBlur.kernel_size dilation stride"),
    (each(COUNT, 2), "fold.output_size fold.kernel_size unfold.kernel_size"),
    (each(NATURAL, 2), "fold.padding unfold.padding"),
    (each(COUNT, 3), "UpSampling3D.size image.extract_patches_3d.size"),
    (each(INTEGER, 2), "Dot.axes"),
    (either(INTEGER, items(INTEGER), {"type": "null"}), "Normalization.axis"),
    (either(COUNT, items({"type": ["integer", "null"], "minimum": 1})), "EinsumDense.output_shape"),
    (each(COUNT), "MultiHeadAttention.output_shape"),
    (each(NUMBER), "CategoricalFocalCrossentropy.alpha"),
    (each(FRACTION), "thresholds"),
    (either(FRACTION, PAIR), "layers/factor contrast_factor hue_factor addition_factor threshold_factor x_factor"),
    (either(FRACTION, PAIR), "y_factor RandomErasing.scale RandomElasticTransform.scale RandomGaussianBlur.sigma"),
    (either(SIGNED, PAIR), "RandomBrightness.factor RandomColorDegeneration.factor RandomRotation.factor"),
    (
        either(SIGNED, PAIR),
        "RandomSaturation.factor brightness_factor saturation_factor RandomTranslation.width_factor",
    ),
    (either(SIGNED, PAIR), "RandomTranslation.height_factor"),
    (either(NUMBER, PAIR), "height_factor width_factor"),
    (either({"type": "number", "minimum": 1, "maximum": 8}, PAIR), "RandomPosterization.factor"),
    (SIDES, "Cropping1D.cropping ZeroPadding1D.padding"),
    (either(NATURAL, items(SIDES, 2)), "Cropping2D.cropping ZeroPadding2D.padding"),
    (either(NATURAL, items(SIDES, 3)), "Cropping3D.cropping ZeroPadding3D.padding"),
    (either(NATURAL, items(SIDES)), "pad.pad_width"),
    (either(NATURAL, items(each(INTEGER), 2)), "tensordot.axes"),
    # Lists
    (items(COUNT), "dims ops/output_size image.scale_and_translate.output_shape"),
    (items(INTEGER), "start_indices image.scale_and_translate.spatial_dims moments.axes transpose.axes"),
    (items(NATURAL), "target_class_ids unravel_index.shape"),
    (items(NUMBER), "bin_boundaries boundaries values label_weights idf_weights"),
    (items(FRACTION), "AUC.thresholds"),
    (items(STRING), "exclude_layers"),
    (items(COUNT, 2), "tile_grid_size image.resize.size image.gaussian_blur.kernel_size"),
    (items(INTEGER, 2), "rot90.axes"),
    (PAIR, "value_range histogram.range image.gaussian_blur.sigma"),
    (SHAPE, "target_shape newshape noise_shape InputLayer.shape InputLayer.batch_shape"),
    (items(NATURAL), "ops/shape broadcast_to.shape"),
    (items({"type": "integer", "minimum": -1}), "slice.shape"),
    (either(INTEGER, items({"type": ["integer", "null"]})), "get_item.key"),
    (ARRAY, "Rescaling.scale Rescaling.offset Normalization.mean Normalization.variance"),
    (items(items(NUMBER)), "Embedding.weights"),
    (ARRAY, "Constant.value translation image.scale_and_translate.scale ops/q bincount.weights trapezoid.x"),
    # Mappings
    ({"type": "object", "additionalProperties": STRING}, "headers"),
    ({"type": "object", "additionalProperties": NUMBER}, "renorm_clipping"),
    # A network starts from a file that is at hand or by chance, never from the net.
    (
        {**PATH, "pattern": r"\.(h5|keras)$", "x-needs": "a file of weights that is at hand, .h5 or .keras"},
        "applications/weights",
    ),
)

CALLS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("activation", "recurrent_activation", "classifier_activation"), ("activations",)),
    **dict.fromkeys(("layer", "backward_layer", "cell", "cells", "layers"), ("layers",)),
    "activity_regularizer": ("regularizers",),
    "inner_optimizer": ("optimizers",),
    "learning_rate": ("schedules",),
}
"""Arguments whose value is itself a call, and of what family."""

SEVERAL = ("cell", "cells", "layers")
"""Of those, the ones that take a list of calls."""

NULL_IS_PLAIN = ("activations", "initializers", "regularizers", "constraints")
"""Families in which Keras takes None for no such thing."""

_TABLE = {name: fragment for fragment, names in ROWS for name in names.split()}


def family_of(name: str) -> str | None:
    """The family of calls that an argument's value is of, or None where it is a plain value."""
    if name in CALLS:
        return CALLS[name][0]
    return next(
        (f"{kind}s" for kind in ("initializer", "regularizer", "constraint") if name.endswith(f"_{kind}")), None
    )


def fragment_of(family: str, owner: str, name: str, default: object, *, required: bool) -> Fragment:
    """The schema of one argument: of this name alone, of the family, of all, or what its default is."""
    if call := family_of(name):
        fragment: Fragment = {"$ref": f"#/$defs/{call}"}
        if name in SEVERAL:
            fragment = either(fragment, items(fragment))
        if call == "schedules":
            fragment = either(NUMBER, fragment)
        return nullable(fragment) if call in NULL_IS_PLAIN or (default is None and not required) else fragment
    group = "image" if owner.startswith("image.") else family
    keys = (f"{owner}.{name}", f"{group}/{name}", f"{family}/{name}", name)
    found = next((_TABLE[key] for key in keys if key in _TABLE), None)
    if found is None:
        found = _by_default(default)
    elif name in RANKED and found in (each(COUNT), each(NATURAL)) and (rank := re.search(r"([123])D", owner)):
        found = each(COUNT if found == each(COUNT) else NATURAL, int(rank[1]))
    return nullable(found) if default is None and not required else found


def nullable(fragment: Fragment) -> Fragment:
    """The same, or null."""
    if not fragment:
        return fragment
    if "enum" in fragment:
        return fragment if None in fragment["enum"] else {**fragment, "enum": [*fragment["enum"], None]}
    if set(fragment) == {"anyOf"}:
        return either(*fragment["anyOf"], {"type": "null"})
    if isinstance(fragment.get("type"), str):
        return {**fragment, "type": [fragment["type"], "null"]}
    return either(fragment, {"type": "null"})


def _by_default(default: object) -> Fragment:
    if isinstance(default, bool):
        return BOOLEAN
    if isinstance(default, (int, float)):
        return NUMBER
    return STRING if isinstance(default, str) else {}
