"""Recurrent convolutions: the gates of an LSTM, made of images instead of vectors."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site
from specc.shapes.arguments import channels_first, flag, several, size
from specc.shapes.costs import activated, elements, times, total
from specc.shapes.dimensions import agree, joined, kernels, known, layout, ranked
from specc.shapes.dtypes import compute_dtype, fractional, is_quantized, numeric
from specc.shapes.layers.convolution import convolved, one_kind_of_step, spatial_dimensions
from specc.shapes.layers.recurrent import steady
from specc.tensors import Shape, Tensor, show

__all__ = ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"]


def conv_lstm(site: Site) -> Result:
    """(batch, steps, …, channels) → (batch, …, filters), with `return_sequences` (batch, steps, …, filters)."""
    spatial, filters, dtype = spatial_dimensions(site), size(site, "filters"), compute_dtype(site)
    kernel, first = several(site, "kernel_size", spatial), channels_first(site)
    one_kind_of_step(site, spatial)
    sequences = site.tensor()
    fractional(site, sequences)
    numeric(site, *site.tensors("initial_state"))
    form = layout(spatial, first).replace("(batch, ", "(batch, steps, ")
    shape = ranked(site, sequences, spatial + 3, f"an input of {spatial + 3} dimensions, {form}")
    if shape is None:
        more = (Tensor(None, dtype),) * (2 if flag(site, "return_state") else 0)
        return Result((Tensor(None, dtype), *more), None, None)
    image = (shape[0], *shape[2:])
    channels = known(site, image, 1 if first else -1, "the number of channels")
    if None in (image[2:] if first else image[1:-1]):
        raise Refusal(
            codes.S305,
            f"{site.label} must know the size of its images, and is given {show(shape)}",
            help="write the dimensions in `model.inputs`, or bring the images to one size with `Resizing` before",
        )
    steady(site, shape)
    state = convolved(site, image, first, filters)
    _states_fit(site, state)
    biased = flag(site, "use_bias", True)
    weights = None
    if filters is not None and not is_quantized(site):
        bias = kernels((4 * filters,)) if biased else ()
        weights = joined(kernels((*kernel, channels, 4 * filters), (*kernel, filters, 4 * filters)), bias)
    after = elements(state)
    each = total(
        times(2, 4, *kernel, channels, after),
        times(2, 4, *kernel, filters, after),
        times(4 * biased + 8, after),
        activated(site, times(2, after)),
        activated(site, times(3, after), "recurrent_activation"),
    )
    many = (state[0], shape[1], *state[1:])
    output = Tensor(many if flag(site, "return_sequences") else state, dtype)
    states = (Tensor(state, dtype),) * (2 if flag(site, "return_state") else 0)
    return Result((output, *states), weights, times(each, shape[1]), (output, *(Tensor(many, dtype),) * 7))


def _states_fit(site: Site, state: Shape) -> None:
    """Refuse an initial state of another shape than the layer's own. Keras notices when it runs.

    Raises:
        Refusal: S204 for a wrong number of states, S302 for one of another shape.
    """
    given = site.tensors("initial_state")
    if given and len(given) != 2:
        raise Refusal(
            codes.S204,
            f"{site.label} starts from 2 states, and is given {len(given)}",
            help='give what another layer returns with `return_state`: `initial_state: ["enc[1]", "enc[2]"]`',
        )
    for one in given:
        fits = one.shape is None or (
            len(one.shape) == len(state) and all(agree(a, b) for a, b in zip(one.shape, state, strict=True))
        )
        if not fits:
            raise Refusal(
                codes.S302,
                f"{site.label} keeps a state {show(state)}, and is given an initial state {show(one.shape)}",
                help="filters, kernel and strides must be equal in both layers",
            )


ConvLSTM1D = ConvLSTM2D = ConvLSTM3D = conv_lstm
