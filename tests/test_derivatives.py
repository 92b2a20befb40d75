"""``derivatives.check`` has seen what it is to find: every kind of wrong function is refused."""

import numpy as np
import pytest
from derivatives import Case, check

SHAPES, PARAMS = {"h": (2, 3), "none": None}, {"W": (3,)}


def forward(params, h, none):
    return h * params["W"], None, (h, params["W"])


def backward(d, none, cache):
    h, W = cache
    return d * W, None, {"W": (d * h).sum(axis=0)}


def jvp(t_params, t_h, none, cache):
    h, W = cache
    return t_h * W + h * t_params["W"], None


RIGHT = Case(forward, backward, jvp, SHAPES, PARAMS)


def test_the_right_functions_pass():
    check(RIGHT)


def writes_into_its_input(params, h, none):
    h *= 1
    return forward(params, h, none)


def writes_into_its_cache(d, none, cache):
    h, W = cache
    grads = backward(d, none, (h, W.copy()))
    cache[1].flags.writeable = True
    cache[1][...] *= 2
    return grads


WRONG = {
    "a sign": {"backward": lambda d, none, cache: (-backward(d, none, cache)[0], None, backward(d, none, cache)[2])},
    "one entry": {
        "backward": lambda d, none, cache: (d * cache[1], None, {"W": (d * cache[0]).sum(axis=0) * [1, 1, 1.001]})
    },
    "no gradient": {"backward": lambda d, none, cache: (None, None, backward(d, none, cache)[2])},
    "no gradient of a parameter": {"backward": lambda d, none, cache: (d * cache[1], None, {})},
    "a gradient too many": {"backward": lambda d, none, cache: (d * cache[1], None, {"W": d[0], "V": d[0]})},
    "a shape": {"backward": lambda d, none, cache: (d * cache[1], None, {"W": d * cache[0]})},
    "gradients out of order": {"backward": lambda d, none, cache: (None, *backward(d, none, cache)[::2])},
    "a tangent": {"jvp": lambda t_params, t_h, none, cache: (t_h * cache[1], None)},
    "no tangent": {"jvp": lambda *arguments: (None, None)},
    "an argument written to": {"forward": writes_into_its_input},
    "a cache written to": {
        "forward": lambda params, h, none: forward({"W": params["W"].copy()}, h, none),
        "backward": writes_into_its_cache,
    },
    "double precision": {
        "forward": lambda params, h, none: forward({"W": np.asarray(params["W"]) * np.ones(3)}, h, none)
    },
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_wrong_functions_do_not_pass(wrong):
    with pytest.raises((AssertionError, ValueError)):
        check(RIGHT._replace(**wrong))
