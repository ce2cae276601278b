"""The screen of `specc` without a command."""

from __future__ import annotations

from specc import __version__
from specc.cli.screen import page

FIRST = (
    ("specc validate model.yaml", "find every mistake, in a second, before TensorFlow is loaded"),
    ("specc summary model.yaml", "the network: steps, shapes, parameters"),
    ("specc run model.yaml", "train, evaluate and export it"),
    ("specc predict runs/model-1 new.csv", "ask the trained network"),
    ("specc explain S302", "what a code means, and what to do about it"),
)

SPEC = """\
specc: 1
dataset:
  source: {npz: digits.npz}
  inputs:  {image: {type: image, size: [8, 8], channels: 1}}
  targets: {digit: {type: category, classes: 10}}
  split: {validation: 0.1, test: 0.2}
model:
  layers:
    - Conv2D: {filters: 32, kernel_size: 3, activation: relu}
    - Flatten
    - Dense: {units: 10, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: adam
  metrics: [accuracy]
  epochs: 20
export: [saved_model]"""

FURTHER = (
    ("specc --help", "all commands; `specc COMMAND --help` explains one"),
    ("specc doctor", "what is installed here, and which devices there are"),
    ("docs/getting-started.md", "from nothing to a served model in ten minutes"),
)


def welcome() -> None:
    """Say what specc is, which five commands come first, and where to go on."""
    # Rich takes a while to load, and only this screen needs these parts of it.
    from rich.padding import Padding
    from rich.syntax import Syntax
    from rich.table import Table

    def table(rows: tuple[tuple[str, str], ...]) -> Padding:
        grid = Table.grid(padding=(0, 3, 0, 0))
        grid.add_column(style="cyan", no_wrap=True)
        for row in rows:
            grid.add_row(*row)
        return Padding(grid, (0, 0, 0, 2))

    page(
        f"[bold]specc[/bold] {__version__}, a compiler for deep-learning models\n",
        "A spec is a YAML file that says what the data is, what the network is and how it learns. specc finds every "
        "mistake in it before anything runs, then builds the network with Keras, trains it and exports it.\n",
        "[bold]A whole spec[/bold]\n",
        Padding(Syntax(SPEC, "yaml", theme="ansi_dark", background_color="default", word_wrap=True), (0, 0, 1, 2)),
        "[bold]First commands[/bold]\n",
        table(FIRST),
        "\n[bold]Where to go on[/bold]\n",
        table(FURTHER),
    )
