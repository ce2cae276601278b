"""The pass that gives every step its shapes: what it fills in, where it complains, and what it keeps to itself."""

from __future__ import annotations

from typing import Any

import keras
import pytest

from specc import codes
from specc.calls import UNKNOWN_VALUE, Call
from specc.diagnostics import Code, Log, Related, Span
from specc.passes.infer import infer
from specc.plan import Dataset, Edge, Input, Network, Output, Plan, Ref, Runtime, Splitting, Step
from specc.tensors import Shape, Tensor
from specc.tree import Source, Tree

HERE = Span("model.yaml", 1, 1, 1, 2)


def at(line: int) -> Span:
    return Span("model.yaml", line, 5, line, 10)


def step(name: str, word: str, inputs: dict[str, Edge] | str, line: int = 1, **rest: Any) -> Step:
    """A step on the inputs of those names; `arguments` and what else a step has beside it."""
    family, _, called = word.rpartition(".")
    arguments = rest.pop("arguments", {})
    call = Call(family or "layers", called, arguments, at(line), {a: at(line + 100) for a in arguments})
    edges: dict[str, Edge] = {"inputs": Ref(inputs)} if isinstance(inputs, str) else inputs
    return Step(name, call, edges, at(line), **rest)


def plan(shape: Shape | None, *steps: Step, dtype: str = "float32", **rest: Any) -> Plan:
    """A plan of one input `x`, whose last step is its output."""
    end = Output("y", Ref(steps[-1].name, 0), HERE)
    network = Network((Input("x", Tensor(shape, dtype), HERE),), steps, rest.pop("outputs", (end,)))
    tree = Tree({"model": Tree({"inputs": Tree({}, HERE, HERE)}, HERE, HERE)}, HERE, HERE)
    return Plan("p", 0, network, Runtime(Call("strategies", "auto")), Source("model.yaml", ""), tree, **rest)


def inferred(given: Plan) -> tuple[dict[str, Step], list[tuple[Code, int]]]:
    """The steps by name, and what was reported: code and line."""
    log = Log()
    made = infer(given, log)
    return {s.name: s for s in made.network.steps}, [(d.code, d.span.line) for d in log.sorted()]


def test_a_chain_has_the_shapes_and_weights_of_the_keras_model_it_describes() -> None:
    given = plan(
        (None, 28, 28, 1),
        step("conv", "Conv2D", "x", arguments={"filters": 8, "kernel_size": 3}),
        step("norm", "BatchNormalization", "conv"),
        step("pool", "MaxPool2D", "norm"),
        step("flat", "Flatten", "pool"),
        step("out", "Dense", "flat", arguments={"units": 10}),
    )
    steps, reported = inferred(given)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3),
            layers.BatchNormalization(),
            layers.MaxPool2D(),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    assert reported == []
    assert [s.outputs[0].shape for s in steps.values() if s.outputs] == [tuple(x.output.shape) for x in model.layers]
    network = infer(given, Log()).network
    assert network.weights == model.count_params()
    assert network.trainable == sum(int(keras.ops.size(w)) for w in model.trainable_weights)


def test_an_alias_has_the_rule_of_what_it_is_an_alias_of() -> None:
    steps, _ = inferred(plan((None, 8, 3), step("a", "Convolution1D", "x", arguments={"filters": 4, "kernel_size": 3})))
    assert steps["a"].outputs == (Tensor((None, 6, 4), "float32"),)


def test_a_mistake_is_told_at_the_step_with_its_caller_and_nothing_follows_from_it() -> None:
    caller = Related("called here", at(9))
    given = plan(
        (None, 8),
        step("a", "Conv2D", "x", 3, arguments={"filters": 4, "kernel_size": 3}, callers=(caller,)),
        step("b", "Dense", "a", 4, arguments={"units": 4}),
        step("c", "Conv2D", "b", 5, arguments={"filters": 4, "kernel_size": 3}),
    )
    log = Log()
    made = infer(given, log)
    assert [(d.code, d.span.line, d.related) for d in log.sorted()] == [(codes.S301, 3, (caller,))]
    assert made.network.steps[0].outputs is None
    assert made.network.weights is None


def test_mistakes_that_have_nothing_to_do_with_each_other_are_all_told() -> None:
    given = plan(
        (None, 4, 4, 3),
        step("a", "Conv2D", "x", 3, arguments={"filters": 4, "kernel_size": 5}),
        step("b", "Permute", "x", 4, arguments={"dims": [2, 1]}),
    )
    assert inferred(given)[1] == [(codes.S303, 3), (codes.S301, 4)]


def test_a_wrong_value_is_told_where_the_value_stands() -> None:
    given = plan((None, 4), step("a", "Dense", "x", 3, arguments={"units": 0}))
    assert inferred(given)[1] == [(codes.S105, 103)]


def test_what_only_data_can_tell_is_unknown_and_no_mistake() -> None:
    given = plan(
        (None, 4),
        step("a", "Dense", "x", arguments={"units": UNKNOWN_VALUE}),
        step("b", "Dense", "a", arguments={"units": 3}),
        step("c", "RepeatVector", "b", arguments={"n": UNKNOWN_VALUE}),
    )
    steps, reported = inferred(given)
    assert reported == []
    assert steps["a"].outputs == (Tensor((None, None), "float32"),)
    assert (steps["a"].weights, steps["b"].outputs, steps["c"].outputs) == (None, None, None)


def test_an_unknown_dimension_that_the_spec_declares_is_a_mistake_where_weights_hang_on_it() -> None:
    given = plan((None, None), step("a", "Dense", "x", 3, arguments={"units": 3}))
    assert inferred(given)[1] == [(codes.S305, 3)]


def test_an_unknown_dimension_of_the_data_is_no_mistake() -> None:
    dataset = Dataset({}, (), (), Splitting(), 1, True, None, HERE)
    given = plan((None, None), step("a", "Dense", "x", 3, arguments={"units": 3}), dataset=dataset)
    no_inputs = Tree({"model": Tree({}, HERE, HERE)}, HERE, HERE)
    given = Plan(given.name, 0, given.network, given.runtime, given.source, no_inputs, dataset=dataset)
    assert inferred(given)[1] == []


LSTM = step("enc", "LSTM", {"sequences": Ref("x")}, 2, arguments={"units": 6, "return_state": True})


def test_a_step_of_several_outputs_is_not_one_tensor() -> None:
    given = plan((None, 5, 4), LSTM, step("a", "Dense", "enc", 3, arguments={"units": 2}))
    log = Log()
    infer(given, log)
    (only,) = log.diagnostics
    assert (only.code, only.span.line) == (codes.S204, 3)
    assert only.message == "`enc` (`LSTM`) gives 3 outputs, and one is needed"
    assert only.help == "take one: `enc[0]`"


def test_a_merging_layer_takes_all_outputs_of_a_step() -> None:
    steps, reported = inferred(plan((None, 5, 4), LSTM, step("a", "Concatenate", {"inputs": (Ref("enc"),)}, 3)))
    assert reported == []
    assert steps["a"].outputs == (Tensor((None, 18), "float32"),)


def test_an_output_that_is_not_there_is_told() -> None:
    inputs: dict[str, Edge] = {"inputs": Ref("enc", 3)}
    given = plan((None, 5, 4), LSTM, step("a", "Dense", inputs, 3, arguments={"units": 2}))
    assert inferred(given)[1] == [(codes.S201, 3)]


def test_an_output_of_the_network_is_one_tensor() -> None:
    given = plan((None, 5, 4), LSTM, outputs=(Output("y", Ref("enc"), at(8)),))
    assert inferred(given)[1] == [(codes.S204, 8)]


def test_a_missing_tensor_and_one_too_many_are_told() -> None:
    given = plan(
        (None, 4),
        step("a", "MultiHeadAttention", {"query": Ref("x")}, 3, arguments={"num_heads": 2, "key_dim": 2}),
        step("b", "Dense", {"inputs": (Ref("x"), Ref("x"))}, 4, arguments={"units": 2}),
    )
    assert inferred(given)[1] == [(codes.S204, 3), (codes.S204, 4)]


@pytest.mark.parametrize(("shape", "reported"), [((None, 8), []), ((None, 4), [(codes.S302, 4)])])
def test_a_step_that_shares_weights_takes_what_they_were_made_for(shape: Shape, reported: list[Any]) -> None:
    given = plan(
        (None, 8),
        step("a", "Dense", "x", 2, arguments={"units": 3}),
        step("b", "Reshape", "x", 3, arguments={"target_shape": list(shape[1:]) if shape[1] == 8 else [2, 4]}),
        step("again", "Dense", "b", 4, arguments={"units": 3}, shares="a"),
    )
    steps, found = inferred(given)
    assert found == reported
    if not reported:
        assert steps["again"].weights == steps["a"].weights
        assert infer(given, Log()).network.weights == 8 * 3 + 3


def test_frozen_weights_are_counted_and_not_trained() -> None:
    given = plan(
        (None, 4),
        step("a", "Dense", "x", arguments={"units": 3}, frozen=True),
        step("b", "Dense", "a", arguments={"units": 2, "trainable": False}),
    )
    network = infer(given, Log()).network
    assert [len(s.weights or ()) for s in network.steps[:2]] == [2, 2]
    assert [[w for w in s.trained or () if w.trainable] for s in network.steps[:2]] == [[], []]
    assert network.steps[1].outputs == (Tensor((None, 2), "float32"),)


def test_a_nested_call_has_its_defaults() -> None:
    layer = Call("layers", "GRU", {"units": 2})
    inputs: dict[str, Edge] = {"sequences": Ref("x")}
    steps, _ = inferred(plan((None, 5, 4), step("a", "Bidirectional", inputs, arguments={"layer": layer})))
    forward = ((4, 6), (2, 6), (2, 6))
    assert [w.shape for w in steps["a"].weights or ()] == [*forward, *forward]


def test_a_policy_sets_the_dtype_of_what_comes_out() -> None:
    steps, _ = inferred(plan((None, 4), step("a", "Dense", "x", arguments={"units": 2, "dtype": "mixed_bfloat16"})))
    assert steps["a"].outputs == (Tensor((None, 2), "bfloat16"),)


def test_a_layer_without_a_rule_is_unknown_and_so_is_what_comes_after() -> None:
    given = plan(
        (None, 8, 8, 3),
        step("a", "TFSMLayer", "x", arguments={"filepath": "exported"}),
        step("b", "applications.ResNet50", "a"),
        step("c", "Dense", "b", arguments={"units": 2}),
    )
    steps, reported = inferred(given)
    assert reported == []
    floats = (Tensor(None, "float32"),)
    assert [s.outputs for s in steps.values()] == [None, floats, floats]


def test_ten_thousand_steps_are_no_trouble() -> None:
    chain = [step("s0", "ReLU", "x"), *(step(f"s{i}", "ReLU", f"s{i - 1}") for i in range(1, 10_000))]
    steps, reported = inferred(plan((None, 4), *chain))
    assert reported == []
    assert steps["s9999"].outputs == (Tensor((None, 4), "float32"),)
