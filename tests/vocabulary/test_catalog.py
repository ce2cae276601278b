"""The catalog is Keras's vocabulary: all of it, as Keras has it, and readable without Keras."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from specc import catalog
from specc.backend import introspect

NAMESPACES = {
    "layers": keras.layers,
    "ops": keras.ops,
    "applications": keras.applications,
    "activations": keras.activations,
    "initializers": keras.initializers,
    "regularizers": keras.regularizers,
    "constraints": keras.constraints,
    "losses": keras.losses,
    "metrics": keras.metrics,
    "optimizers": keras.optimizers,
    "schedules": keras.optimizers.schedules,
    "callbacks": keras.callbacks,
}
RESOLVED_BY_GET = ("activations", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers")
MACHINERY = {"get", "serialize", "deserialize", "Input", "InputSpec"}
CHOSEN_BY_COMPILE = {"accuracy"}


def known(family: str) -> set[str]:
    return {*catalog.names(family), *catalog.aliases(family), *catalog.withheld(family)}


def named(family: str, name: str) -> object:
    found: object = NAMESPACES[family]
    for part in name.split("."):
        found = getattr(found, part)
    return found


def everything() -> list[tuple[str, str]]:
    return [(family, name) for family in catalog.FAMILIES for name in catalog.names(family)]


def test_the_committed_files_are_what_the_installed_keras_gives(tmp_path: Path):
    introspect.main(tmp_path)
    committed = Path(catalog.__file__).parent
    assert catalog.version() == keras.__version__
    for family in catalog.FAMILIES:
        file = f"{family}.json"
        assert (tmp_path / file).read_bytes() == (committed / file).read_bytes(), f"regenerate: {file} is stale"


@pytest.mark.parametrize("family", catalog.FAMILIES)
def test_every_public_name_is_there_or_has_a_reason(family: str):
    namespace = NAMESPACES[family]
    public = {n for n in dir(namespace) if not n.startswith("_") and not inspect.ismodule(getattr(namespace, n))}
    assert public - known(family) - MACHINERY == set()


@pytest.mark.parametrize("space", ["image", "linalg", "nn", "numpy"])
def test_so_is_every_name_of_the_namespaces_within_ops(space: str):
    public = {f"{space}.{n}" for n in dir(getattr(keras.ops, space)) if not n.startswith("_")}
    assert public - known("ops") == set()


@pytest.mark.parametrize("family", catalog.FAMILIES)
def test_every_name_is_one_of_keras(family: str):
    for name in set(catalog.names(family)) - (CHOSEN_BY_COMPILE if family == "metrics" else set()):
        assert callable(named(family, name))


def test_no_name_is_at_once_withheld_or_an_alias():
    for family in catalog.FAMILIES:
        names, aliases, withheld = (
            set(catalog.names(family)),
            set(catalog.aliases(family)),
            set(catalog.withheld(family)),
        )
        assert not names & aliases
        assert not withheld & (names | aliases)


@pytest.mark.parametrize("family", RESOLVED_BY_GET)
def test_keras_makes_of_an_alias_what_it_stands_for(family: str):
    get = NAMESPACES[family].get
    for alias, canonical in catalog.aliases(family).items():
        if canonical in CHOSEN_BY_COMPILE:
            continue
        meant = named(family, canonical)
        try:
            made = get(alias)
        except (KeyError, TypeError):  # Keras found the class, and it cannot be made without a configuration.
            required = any(a.required for a in catalog.signature(family, alias).arguments)
            assert required or canonical == "Constant"
            continue
        function = getattr(meant(), "fn", None) if inspect.isclass(meant) and inspect.isfunction(made) else meant
        assert made is function or type(made) is meant, f"{alias} is {made}"


def test_another_name_of_a_layer_is_the_same_class():
    for alias, canonical in catalog.aliases("layers").items():
        assert getattr(keras.layers, alias) is getattr(keras.layers, canonical)


def test_keras_chooses_what_accuracy_means_when_the_model_is_compiled():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    for written in ("accuracy", "acc"):
        assert catalog.aliases("metrics").get(written, written) in CHOSEN_BY_COMPILE
        model.compile(loss="sparse_categorical_crossentropy", metrics=[written])
        model.train_on_batch(keras.ops.zeros((2, 4)), keras.ops.zeros((2,)))
        assert isinstance(model.metrics[1].metrics[0], keras.metrics.SparseCategoricalAccuracy)


@pytest.mark.parametrize(("family", "name"), everything(), ids=lambda part: part)
def test_arguments_have_the_names_order_and_defaults_of_keras(family: str, name: str):
    if name in CHOSEN_BY_COMPILE:
        pytest.skip("no class of Keras's")
    parameters = inspect.signature(named(family, name)).parameters
    arguments = [a for a in catalog.signature(family, name).arguments if a.name in parameters]
    tensors = {t.name for t in catalog.signature(family, name).tensors}
    plain = [a for a in arguments if family != "ops" or a.name not in tensors]
    assert [a.name for a in plain] == [n for n in parameters if n in {a.name for a in plain}]
    for argument in plain:
        default = parameters[argument.name].default
        assert argument.required == (default is inspect.Parameter.empty)
        if not argument.required and (family, argument.name) != ("applications", "weights"):
            assert argument.default == _as_lists(default)


def test_what_is_left_out_can_be_said_otherwise_or_not_in_yaml():
    left_out = {
        parameter.name
        for family, name in everything()
        if name not in CHOSEN_BY_COMPILE and family != "activations"
        for parameter in inspect.signature(named(family, name)).parameters.values()
        if parameter.kind is not parameter.VAR_KEYWORD
        and parameter.name not in {a.name for a in catalog.signature(family, name).arguments}
        and parameter.name not in {t.name for t in catalog.signature(family, name).tensors}
    }
    assert left_out <= {"name", "input_tensor", "input_shape", "quantization_config", "weights"}


@pytest.mark.parametrize(("family", "name"), everything(), ids=lambda part: part)
def test_everything_is_described_in_a_sentence(family: str, name: str):
    takes = catalog.signature(family, name)
    assert takes.doc
    assert "\n" not in takes.doc
    assert all("\n" not in a.doc for a in (*takes.arguments, *takes.options))


def test_an_alias_has_the_signature_of_what_it_stands_for():
    assert catalog.signature("losses", "mse") == catalog.signature("losses", "MeanSquaredError")
    assert catalog.signature("layers", "Convolution2D").name == "Conv2D"
    assert catalog.signature("layers", "Dens") is None
    with pytest.raises(KeyError):
        catalog.names("layer")


def test_reading_it_loads_neither_keras_nor_tensorflow():
    script = (
        "import sys\n"
        "from specc import catalog\n"
        "from specc.schema import document\n"
        "[catalog.signature(f, n) for f in catalog.FAMILIES for n in catalog.names(f)]\n"
        "document()\n"
        "print(sorted({m.partition('.')[0] for m in sys.modules} & {'keras', 'tensorflow', 'jax', 'torch'}))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "[]"


def _as_lists(value: object) -> object:
    return [_as_lists(v) for v in value] if isinstance(value, (tuple, list)) else value
