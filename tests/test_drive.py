"""The drive mu(t) of the rule: the rate, M(t), or M(t) fanned out."""

import numpy as np
import pytest
from configurations import random_like
from derivatives import Case, check, draw

from bpm_numpy import PlasticNetwork
from bpm_numpy.drive import drive_backward, drive_backward_h, drive_forward, drive_jvp, drive_parameters
from bpm_numpy.proof.problems import drives

B, N = 2, 3
every_drive = pytest.mark.parametrize("options", list(drives()), ids=lambda o: "-".join(map(str, o.values())))


def drive_case(net):
    """Its output is mu; M is for looking at."""
    return Case(
        lambda params, h: drive_forward(net, params, h)[1:],
        lambda dmu, cache: drive_backward(net, dmu, cache),
        lambda t_params, t_h, cache: drive_jvp(net, t_params, t_h, cache),
        {"h": (B, N)},
        {name: parameter.shape for part in drive_parameters(net) for name, parameter in part.items()},
    )


@every_drive
def test_a_drive_has_the_derivatives_of_its_forward(options):
    check(drive_case(PlasticNetwork(2, N, 2, **options)))


@every_drive
def test_the_quick_gradient_of_h_is_that_of_backward(options):
    """From dmu of every neuron, also where neurons share a drive."""
    net = PlasticNetwork(2, N, 2, **options)
    rng, values, _ = draw(drive_case(net), seed=4)
    _, mu, cache = drive_forward(net, values, values["h"])
    dmu = rng.standard_normal((B, N))
    quick, (dh, _) = drive_backward_h(net, dmu, cache), drive_backward(net, dmu, cache)
    assert mu.shape == ((1, 1) if net.plasticity == "hebbian" else (B, N if net.fanout else 1))
    if net.plasticity == "hebbian":
        assert quick is None and not dh.any()
    else:
        np.testing.assert_allclose(quick, dh, rtol=0, atol=1e-14)


@every_drive
def test_a_given_M_takes_the_place_of_the_modulators(options):
    net = PlasticNetwork(2, N, 2, **options)
    if net.plasticity == "hebbian":
        return  # it has none, and ``step`` refuses one
    _, values, _ = draw(drive_case(net), seed=5)
    given = np.array([0.5, -2.0])
    M, mu, _ = drive_forward(net, values, values["h"], given)
    assert M is given
    expected = given[:, None] * values["W_fan"] + values["b_fan"] if net.fanout else given[:, None]
    assert np.array_equal(mu, expected)


def test_what_is_drawn_for_a_drive_is_what_it_reads():
    for options in drives():
        net = PlasticNetwork(2, N, 2, **options)
        params = net.init(np.random.default_rng(0))
        own = {name: params[name] for part in drive_parameters(net) for name in part}
        drive_forward(net, own, np.ones((B, N)))
        moved = drive_jvp(
            net,
            random_like(np.random.default_rng(1), own),
            np.ones((B, N)),
            drive_forward(net, own, np.ones((B, N)))[2],
        )
        assert np.abs(moved).max() > 0
    assert drive_parameters(PlasticNetwork(2, N, 2, plasticity="none")) == []
