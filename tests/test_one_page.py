"""The one page is the package's network: the same numbers, with Clip active, and its check can fail."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork, one_page
from bpm_numpy.state import State

FILE = Path(one_page.__file__)


def draw(seed, clip=0.4):
    rng = np.random.default_rng(seed)
    net = PlasticNetwork(3, 6, 2, clip=clip)
    params = {name: np.asarray(0.7 * rng.standard_normal(value.shape)) for name, value in net.init(rng).items()}
    return net, params, rng.standard_normal((12, 3)), rng.standard_normal((12, 2))


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_network_of_the_package(seed):
    net, params, x, d_logits = draw(seed)
    p = {name: value for name, value in params.items() if name not in ("W_v", "b_v")}
    logits, steps = one_page.forward(p, x, net.clip)
    grads = one_page.backward(p, steps, d_logits)
    traj = net.forward(params, x[:, None])
    expected = net.backward(params, traj, d_logits[:, None], d_state=State(*[None] * 4)).params
    cut = 1 - np.mean([inside for *_, inside in steps])
    assert 0.05 < cut < 0.95
    np.testing.assert_allclose(logits, traj.logits[:, 0], rtol=0, atol=1e-13)
    assert grads.keys() == p.keys()
    for name, grad in grads.items():
        np.testing.assert_allclose(grad, expected[name], rtol=0, atol=1e-13 * max(1, np.abs(grad).max()), err_msg=name)


def test_the_file_alone_checks_itself(tmp_path):
    alone = tmp_path / "one_page.py"
    alone.write_text(FILE.read_text(encoding="utf-8"), encoding="utf-8")
    printed = subprocess.run([sys.executable, alone], capture_output=True, text=True, check=True).stdout
    assert printed.count("largest error") == 8
    assert "import" not in FILE.read_text(encoding="utf-8").split("import numpy as np")[1]


def test_it_fits_a_page():
    blocks = FILE.read_text(encoding="utf-8").split("\n\n\n")
    sizes = {block.split("(")[0]: len([line for line in block.splitlines() if line]) for block in blocks}
    assert sizes["def forward"] + sizes["def backward"] <= 60 and sizes["def check"] <= 15


def test_its_check_finds_a_wrong_gradient(monkeypatch):
    right = one_page.backward
    monkeypatch.setattr(one_page, "backward", lambda *given: right(*given) | {"alpha": -right(*given)["alpha"]})
    with pytest.raises(AssertionError, match="alpha"):
        one_page.check()
