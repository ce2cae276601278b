"""`hdf5` gives the arrays that h5py wrote, in slices."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from reading import refused, table

from specc.kinds import word


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(
    arrays.arrays(
        st.sampled_from(["uint8", "int64", "float32", "bool", ">f8"]), arrays.array_shapes(max_dims=3, max_side=5)
    )
)
def test_arrays_are_those_that_were_written(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("hdf5") / "a.h5"
    with h5py.File(path, "w") as file:
        file["x"] = array
        file["train/deep/x"] = array[::-1]
    read = table("hdf5", path=str(path), fields=["x", "train/deep/x"])
    assert (set(read.names), read.rows) == ({"x", "train/deep/x"}, len(array))
    np.testing.assert_array_equal(read.columns["x"], array)
    np.testing.assert_array_equal(read.columns["train/deep/x"], array[::-1])


def test_texts_of_either_kind_are_texts(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["any"] = ["ä", "longer", ""]
        file["fixed"] = np.array([b"ab", b"c", b""])
    read = table("hdf5", path=str(tmp_path / "a.h5"), fields=["any", "fixed"])
    assert read.columns["any"].tolist() == ["ä", "longer", ""]
    assert read.columns["fixed"].tolist() == ["ab", "c", ""]


def test_files_are_laid_end_to_end(tmp_path):
    for number in (1, 2):
        with h5py.File(tmp_path / f"{number}.h5", "w") as file:
            file["x"] = np.full((3, 2), number)
    read = table("hdf5", path=str(tmp_path / "*.h5"), fields=["x"])
    assert read.columns["x"][:, 0].tolist() == [1, 1, 1, 2, 2, 2]
    assert read.origin.where(4) == "2.h5, row 1"


def test_large_rows_come_a_few_at_a_time(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", (1000, 256, 256), "float32", fillvalue=1)
    opened = word("readers", "hdf5")(path=str(tmp_path / "a.h5")).open({"x": None}, 0)
    sizes = [chunk["x"].nbytes for chunk in opened.chunks()]
    assert (sum(sizes), max(sizes)) == (1000 * 2**18, 2**25)


@pytest.mark.parametrize("kept", [0, 5, 600, -100])
def test_a_file_that_is_none_or_was_cut_off_is_told(tmp_path, kept):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.arange(5000)
    (tmp_path / "a.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:kept])
    code, message, _ = refused("hdf5", path=str(tmp_path / "a.h5"), fields=["x"])
    assert (code, message) in [("S503", "a.h5 is not an HDF5 file"), ("S503", "a.h5 was cut off or is damaged")]


def test_arrays_of_several_lengths_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["y"] = np.zeros(3), np.zeros(2)
    told = "the arrays of a.h5 differ in length: `x` has 3, `y` has 2"
    assert refused("hdf5", path=str(tmp_path / "a.h5"), fields=["x", "y"])[1] == told
    assert table("hdf5", path=str(tmp_path / "a.h5"), fields=["y"]).rows == 2
