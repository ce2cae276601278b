"""Emitted Python and specc: the same weights give the same answers to the bit, and ten steps the same training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.emit.trials import NEVER_BUILT, SPECS, Trial, tried

QUICK = (
    "digits",
    "movielens",
    "form_by_target",
    "form_notation",
    "form_phases",
    "form_steps",
    "meaning_loss_terms",
    "meaning_logits",
    "meaning_two_classes_one_value",
    "net_residual_repeat",
    "net_siamese",
    "net_two_targets",
    "text_expressions",
)
"""Specs of every form, which take no longer than a second or two each."""

ALIKE = 1e-6
"""How far weights and losses may be from one another after ten steps where the sums of a step are made in another
order: most come out to the bit. Dropout and other layers that draw do so from equal generators."""

ROUGH = {"photos": 5e-3, "engine": 5e-4, "prompts": 1e-4}
"""Behind batch normalization some gradients are almost nothing, and Adam divides them by almost nothing: the last bit
of a sum grows in ten steps, to less than a step."""


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trial]:
    paths = [path for path in SPECS if path.stem in QUICK]
    return tried(paths, tmp_path_factory.mktemp("quick") / "trials", train=True)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trial]:
    paths = [path for path in SPECS if path.stem not in (*QUICK, NEVER_BUILT)]
    return tried(paths, tmp_path_factory.mktemp("slow") / "trials", train=True)


def expect(trial: Trial, stem: str) -> None:
    assert not trial.why, trial.why
    assert trial.wanted.keys() <= trial.found.keys()
    for name, wanted in trial.wanted.items():
        found = trial.found[name]
        if name.startswith(("trained", "loss")):
            bound = ROUGH.get(stem, ALIKE)
            np.testing.assert_allclose(found, wanted, rtol=bound, atol=bound, err_msg=name)
        else:
            # Weights drawn from the seed, what is trained, and what is answered: bit for bit.
            np.testing.assert_array_equal(found, wanted, err_msg=name)


@pytest.mark.parametrize("stem", QUICK)
def test_it_answers_and_learns_the_same(quick: dict[str, Trial], stem: str) -> None:
    expect(quick[stem], stem)


@pytest.mark.slow
@pytest.mark.parametrize("stem", [path.stem for path in SPECS if path.stem not in (*QUICK, NEVER_BUILT)])
def test_so_does_every_other_spec(slow: dict[str, Trial], stem: str) -> None:
    expect(slow[stem], stem)


def test_ten_steps_change_something(quick: dict[str, Trial]) -> None:
    """What is compared above is not what one began with."""
    trial = quick["digits"]
    first = [name for name in trial.wanted if name.startswith("trained")]
    assert any(not np.array_equal(trial.wanted[n], trial.wanted[n.replace("trained", "seeded")]) for n in first)
    assert len({*trial.wanted["loss"].tolist()}) == 10


def test_every_spec_is_tried() -> None:
    assert set(QUICK) <= {path.stem for path in SPECS}
    assert {path.parent.name for path in SPECS} == {"good", "examples"}
    assert all(isinstance(path, Path) for path in SPECS)
