"""A plan as plain Keras Python: what one would write by hand, without a trace of specc."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from specc import codes
from specc.diagnostics import Log, Rejected
from specc.emit import data as reading
from specc.emit.batches import batches, changes
from specc.emit.calls import Calls
from specc.emit.data import SHORT
from specc.emit.fields import relative
from specc.emit.formulas import Formulas
from specc.emit.layout import Expression, call, keyword, lines, literal, mapping, plain
from specc.emit.network import Function, Weaver
from specc.emit.recipes import HASHING, IMPORTS, RECIPES, STANDARD, imported, needed
from specc.emit.script import Script
from specc.emit.training import compiled, fitted, splits, turned, weighs
from specc.emit.variables import BUILTINS, Variables
from specc.emit.written import docstring, function, written
from specc.kinds.features import State
from specc.plan import Input, Plan, Ref, Training

__all__ = ["python"]

OWN = (
    "build_model",
    "compile_model",
    "load_data",
    "main",
    "read",
    "learn",
    "prepare",
    "examples",
    "restore",
    "windowed",
)
MODULES = ("layers", "ops", "applications", "activations", "initializers", "regularizers", "constraints", "losses")
MORE = ("metrics", "optimizers", "callbacks", "keras", "np", "pd", "tf", "model", "data", "learnt")
RESERVED = frozenset({*MODULES, *MORE, *BUILTINS})
"""Names that no function and no variable of the module may take."""

BESIDE = "learnt.json"
"""The file that holds what was learnt where that is long."""


def python(plan: Plan, log: Log, states: Mapping[str, State] | None = None) -> str:
    """The network of a plan as a Python module, formatted in lines of at most 120 columns.

    It has a function for each block and loops for what is repeated. Layers bear the names of their steps, and the seed
    gives the same initial weights as in a run. Where the plan has training, the module trains it too.

    Args:
        plan: checked; with the facts of its data, where these are known.
        states: what features learnt, by `inputs.NAME` and `targets.NAME`; the module then has it as constants.

    Raises:
        Rejected: in `log` S006 where something is known only once the data was read, S105 for what Keras cannot say.
    """
    before = log.errors
    module = _Module(plan, log, states)
    text = module.text()
    if log.errors > before:
        raise Rejected(log)
    return text


def learnt(plan: Plan, states: Mapping[str, State]) -> Mapping[str, object] | None:
    """What the module of `python` wants beside it, in the file `learnt.json`; None where it has all itself."""
    made = reading.script(plan, states)
    return None if made is None or _is_short(made) else made.learnt


def _is_short(made: Script) -> bool:
    entries = sum(
        len(value) if isinstance(value, list) else 1 for state in made.learnt.values() for value in state.values()
    )
    return entries <= SHORT


class _Module:
    """One module in the making."""

    def __init__(self, plan: Plan, log: Log, states: Mapping[str, State] | None) -> None:
        self.plan = plan
        self.script = reading.script(plan, states)
        self.calls = Calls(plan, log, Formulas(plan))
        self.open = False
        """Whether the network depends on what was learnt."""
        self.weaver = Weaver(self.calls, {*RESERVED, *self.calls.formulas.constants}, {*OWN, *RECIPES})

    def text(self) -> str:
        built = self._built()
        functions = [*(self._block(one) for one in self.weaver.functions), built]
        if self.plan.training is not None:
            functions.append(self._compiled(self.plan.training))
        functions += self._data()
        said = "\n".join(line for one in functions for line in one)
        known = {**RECIPES, **HASHING} if self.script is not None and self.script.hashes else RECIPES
        recipes = [known[name].strip("\n").splitlines() for name in needed(said, known)]
        whole = "\n".join(line for one in (*recipes, *functions) for line in one)
        constants = self._constants(whole)
        functions = self._in_order(functions, recipes)
        head = docstring(
            f"{self.plan.name}: {self.plan.description}" if self.plan.description else f"{self.plan.name}."
        )
        parts = ["\n".join([*head, "", *self._imports("\n".join([whole, *constants]))])]
        if constants:
            parts[0] += "\n\n" + "\n".join(constants)
        parts += ["\n".join(one) for one in functions]
        if self.script is not None and self.plan.training is not None:
            parts.append('if __name__ == "__main__":\n    main()')
        return "\n\n\n".join(parts) + "\n"

    def _in_order(self, functions: Sequence[list[str]], recipes: Sequence[list[str]]) -> list[list[str]]:
        """The network first, then what reads the data, and what trains last."""
        network = len(self.weaver.functions) + 1 + (self.plan.training is not None)
        return [*functions[:network], *recipes, *functions[network:]]

    def _block(self, one: Function) -> list[str]:
        tree = self.plan.tree["blocks"][one.block]
        description = str(tree["description"].plain()) if "description" in tree else ""
        return function(one, description)

    def _built(self) -> list[str]:
        network = self.plan.network
        names, told, shapes = reading.facts(self.script, self.calls, self.calls.formulas.top)
        variables = Variables([*self.weaver.taken, *names.called.values()])
        inputs: dict[Ref, str] = {}
        done = [f"    keras.utils.set_random_seed({self.plan.seed})"]
        before = len(done) + (self.plan.runtime.precision != "float32")
        if self.plan.runtime.precision != "float32":
            done.append(f"    keras.config.set_dtype_policy({literal(self.plan.runtime.precision)})")
        # Inputs that are called like the variables of what has no name keep theirs.
        variables.pool = [name for name in variables.pool if name not in {given.name for given in network.inputs}]
        variables.taken -= {given.name for given in network.inputs} & {"x", "y", "z"}
        for given in network.inputs:
            inputs[Ref(given.name)] = variables.fresh(given.name)
            done += self._input(given, inputs[Ref(given.name)], shapes)
        done[before:before] = ["", "    # Inputs"]
        variables.kept = {given.name for given in network.inputs}
        layers = written(self.weaver.woven(inputs, variables, names), 1)
        done += ["", *([] if layers[0].lstrip().startswith("#") else ["    # Layers"]), *layers]
        said = "\n".join(done)
        told = [line for line in told if re.search(rf"(?<!\w){line.split()[0]}(?!\w|=)", said)]
        done[before:before] = ["", "    # What the training rows tell", *told] if told else []
        done += ["", f"    # Outputs: {', '.join(one.name for one in network.outputs)}"]
        self.open = bool(told)
        taken = mapping((one.name, (inputs[Ref(one.name)],)) for one in network.inputs)
        answers = mapping((one.name, (variables.read(one.ref, self.weaver.single),)) for one in network.outputs)
        items = [keyword("inputs", taken), keyword("outputs", answers)]
        items.append(keyword("name", (literal(self.plan.name.replace("-", "_")),)))
        made = call("keras.Model", items)
        frozen = turned(network.steps, {step.name for step in network.steps if step.frozen}, False)
        head = ["def build_model(learnt):" if told else "def build_model():", *docstring(self._promise(), 1)]
        if not frozen:
            return [*head, *done, *lines(made, "return ", depth=1)]
        made_it = lines(made, "model = ", depth=1)
        return [*head, *done, *made_it, "", "    # What is not trained", *frozen, "    return model"]

    def _promise(self) -> str:
        return "The network; the seed gives the same initial weights each time."

    def _input(self, given: Input, variable: str, shapes: Mapping[str, Expression]) -> list[str]:
        shape = (None,) if given.tensor.shape is None else given.tensor.shape[1:]
        fields = {one.name: one for one in self.plan.dataset.inputs} if self.plan.dataset else {}
        if None in shape and given.name in fields and given.name not in shapes:
            known = fields[given.name]
            help = "state it in the dataset, as its `size`, its `length` or its `shape`"
            self.calls.unknown(known.span, f"the shape of `{given.name}`", help)
        items = [keyword("shape", shapes.get(given.name, (literal(shape),)))]
        if given.tensor.dtype not in (None, "float32"):
            items.append(keyword("dtype", (literal(given.tensor.dtype),)))
        items.append(keyword("name", (literal(given.name),)))
        return lines(call("keras.Input", items), f"{variable} = ", depth=1)

    def _compiled(self, training: Training) -> list[str]:
        told = ["def compile_model(model):", '    """What the network is trained for, and by what."""']
        return [*told, *compiled(self.calls, training, training.phases[0])]

    def _data(self) -> list[list[str]]:
        made, training = self.script, self.plan.training
        if made is None:
            return []
        if made.lacking and made.states is None:
            told = f"the script does not read the data: it has nothing for {made.lacking}"
            reader = next(iter(made.dataset.sources.values()))
            self.calls.log.report(
                codes.W603, reader.span or made.dataset.span, told, help="write its function `load_data`"
            )
        done = reading.written(made, self.calls)
        if made.states is not None and (back := reading.restored(made)):
            done.append(back)
        if training is not None:
            done += changes(made, self.calls)
            done.append(self._main(made, training))
        return done

    def _main(self, made: Script, training: Training) -> list[str]:
        learns = bool(made.learns) and not made.lacking and made.states is None
        loaded = "data" if not learns else "data, learnt" if self.open else "data, _"
        done = ["def main():", '    """Train the network, and say how good it is."""', f"    {loaded} = load_data()"]
        done.append("    model = build_model(learnt)" if self.open else "    model = build_model()")
        done += self._started(training)
        done.append("    compile_model(model)")
        done += batches(made, training, self.calls)
        begun = 0
        for before, phase in zip((None, *training.phases), training.phases, strict=False):
            if before is not None:
                done += ["", f"    # Phase {training.phases.index(phase) + 1} of {len(training.phases)}"]
                done += turned(self.plan.network.steps, before.frozen - phase.frozen, True)
                done += turned(self.plan.network.steps, phase.frozen - before.frozen, False)
                done += compiled(self.calls, training, phase)
            done += fitted(self.calls, training, phase, begun, self.calls.formulas.top, made.dataset)
            begun += 1 if phase.steps is not None else phase.epochs
        if (name := splits(made.dataset)[-1]) != "train":
            examples = f'data["{name}"]'
            given = f"*{examples}[:2], sample_weight={examples}[2]" if weighs(self.plan, training) else f"*{examples}"
            done.append(f"    print(model.evaluate({given}, batch_size={made.dataset.batch_size}, return_dict=True))")
        done.append(f'    model.save("{self.plan.name}.keras")')
        return done

    def _started(self, training: Training) -> list[str]:
        if training.start_from is None:
            return []
        path = training.start_from[0]
        path = path if path.endswith((".keras", ".h5")) else f"{path}/model.keras"
        return [
            "    # The weights of another network, by the names of layers.",
            f"    for layer in keras.saving.load_model({literal(relative(path))}).layers:",
            "        if layer.name in {own.name for own in model.layers}:",
            "            model.get_layer(layer.name).set_weights(layer.get_weights())",
        ]

    def _constants(self, said: str) -> list[str]:
        """The spec's parameters that are used, and what was learnt."""
        every = self.calls.formulas.constants
        used: set[str] = set()
        waiting = [said]
        while waiting:
            text = waiting.pop()
            for name, value in every.items():
                if name not in used and re.search(rf"(?<!\w){name}(?![\w=])", text):
                    used.add(name)
                    waiting.append(value)
        done = [f"{name} = {value}" for name, value in every.items() if name in used]
        if "LEARNT" in said and self.script is not None:
            if _is_short(self.script):
                done += lines(plain(self.script.learnt), "LEARNT = ")
            else:
                done.append(f'LEARNT = json.loads(Path(__file__).with_name("{BESIDE}").read_text(encoding="utf-8"))')
        return done

    def _imports(self, said: str) -> list[str]:
        wanted = imported(said)
        own = sorted((IMPORTS[name] for name in wanted if name in STANDARD), key=_place)
        others = sorted([*(IMPORTS[name] for name in wanted if name not in STANDARD), "import keras"], key=_place)
        modules = sorted(
            module for module in self.calls.modules | _mentioned(said) if re.search(rf"(?<![\w.]){module}\.", said)
        )
        if modules:
            others.append(f"from keras import {', '.join(modules)}")
        others.sort(key=_place)
        return [*own, *([""] if own else []), *others]


def _mentioned(said: str) -> set[str]:
    return {"layers"} if "layers.TextVectorization" in said else set()


def _place(line: str) -> tuple[bool, str]:
    """Where `ruff` sorts an import: plain ones first, then by the module, whatever its letters."""
    return line.startswith("from"), line.split()[1].lower()
