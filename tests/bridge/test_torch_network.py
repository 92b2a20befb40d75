"""The PyTorch module against the network, every number and every gradient; and parameters there and back."""

import numpy as np
import pytest
from configurations import PLANS, all_configurations, identifier, random_problem

from bpm_numpy import PlasticNetwork, State
from bpm_numpy.parts import BUILT_IN
from bpm_numpy.proof.problems import REGIMES, join
from bpm_numpy.rules import Rule

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install -e '.[torch]'")

from bpm_numpy.bridge.conventions import ORDERS, cell_from_torch  # noqa: E402
from bpm_numpy.bridge.torch_network import (  # noqa: E402
    M_OF,
    RULES,
    from_torch,
    gradients_from_torch,
    state_from_torch,
    state_to_torch,
    to_torch,
)

PRECISION = 1e-12  # of every entry, relative to the largest of its array or to 1
COVERED = [options for options in all_configurations() if options["rule"] in RULES]


def close(one, other):
    """Whether two arrays agree to PRECISION."""
    assert one.shape == other.shape
    return np.abs(one - other).max(initial=0) <= PRECISION * max(np.abs(other).max(initial=0), 1)


def differing(problem, make=to_torch):
    """Names of what the module computes otherwise than the network, in either way: outputs, final state, gradients."""
    params, x, state = problem.split(problem.inputs)
    module, x_leaf = make(problem.net, params), torch.tensor(x, requires_grad=True)
    first = State(*(None if value is None else value.requires_grad_() for value in state_to_torch(state)))
    logits, values, modulator, final = module(x_leaf, first)

    theirs = {"logits": logits, "values": values, "modulator": modulator}
    theirs = {name: None if value is None else value.detach().numpy() for name, value in theirs.items()}
    theirs |= state_from_torch(final)._asdict()
    d_state = state_to_torch(problem.d_state)
    pairs = [(torch.tensor(problem.d_logits), logits), (torch.tensor(problem.d_values), values), *zip(d_state, final)]
    sum((d * value).sum() for d, value in pairs if value is not None).backward()
    d_first = State(*(None if leaf is None else zero_if_none(leaf) for leaf in first))
    grads = join(gradients_from_torch(problem.net, module), x_leaf.grad.numpy(), state_from_torch(d_first))

    wrong = []
    for plan in PLANS:
        traj, expected = problem.forward(problem.inputs, plan), problem.gradients(plan)
        ours = {"logits": traj.logits, "values": traj.values, "modulator": traj.modulator} | traj.state._asdict()
        assert grads.keys() == expected.keys()
        assert [name for name in ours if ours[name] is None] == [name for name in theirs if theirs[name] is None]
        wrong += [name for name in ours if ours[name] is not None and not close(theirs[name], ours[name])]
        wrong += [f"d {name}" for name in grads if not close(grads[name], expected[name])]
    return wrong


def zero_if_none(leaf):
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad


@pytest.mark.parametrize("options", COVERED, ids=identifier)
def test_module_equals_the_network_with_all_gradients(options):
    for regime in REGIMES if options["plasticity"] != "none" else ("inactive",):
        assert differing(random_problem(np.random.default_rng(8), options, T=4, regime=regime)) == []


@pytest.mark.parametrize("cell", ORDERS)
@pytest.mark.parametrize("rule", RULES)
def test_module_equals_the_network_from_zeros(cell, rule):
    """h = 0 and Hebb = 0 at first, so that X = 0: for the rule "soft" its kink."""
    problem = random_problem(np.random.default_rng(10), {"cell": cell, "rule": rule}, T=4, regime="sometimes")
    zeros = {name: np.zeros(value.shape) for name, value in problem.inputs.items() if name.startswith("state.")}
    problem = problem._replace(inputs=problem.inputs | zeros)
    assert differing(problem) == []


def test_every_cell_rule_and_modulator_of_the_package_but_taylor_is_covered():
    named = {(kind, options[kind]) for options in COVERED for kind in ("cell", "rule", "modulator")}
    assert named == BUILT_IN - {("rule", "taylor")}
    assert {kind: {name for k, name in named if k == kind} for kind in ("cell", "rule", "modulator")} == {
        "cell": set(ORDERS),
        "rule": set(RULES),
        "modulator": set(M_OF),
    }


@pytest.mark.parametrize("name", ["weight_hh", "alpha", "modulator.weight", "eta", "fan.bias", "value.weight"])
def test_comparison_notices_one_wrong_parameter(name):
    options = {"cell": "lstm", "rule": "trace", "fanout": True, "reading": "paper", "alpha": "full"}
    problem = random_problem(np.random.default_rng(9), options, T=4, regime="sometimes")

    def wrong(net, params):
        module = to_torch(net, params)
        value = module.get_parameter(name)
        with torch.no_grad():
            value.copy_(value.T.clone() if name == "alpha" else value * 1.001)  # alpha [pre, post], by mistake
        return module

    assert differing(problem) == [] and differing(problem, wrong) != []


@pytest.mark.parametrize("alpha", ["full", "neuron", "scalar"])
@pytest.mark.parametrize("cell", ORDERS)
def test_parameters_come_back_as_they_went(cell, alpha):
    options = {"rule": "trace", "fanout": True, "modulator": "difference", "readout_hidden": 5}
    net = PlasticNetwork(3, 4, 2, cell=cell, alpha=alpha, **options)
    params = net.init(np.random.default_rng(0))
    back = from_torch(net, to_torch(net, params).state_dict())
    assert back.keys() == params.keys()
    assert all(np.array_equal(back[name], params[name]) and back[name].shape == params[name].shape for name in params)


def test_float32_stays_float32():
    net = PlasticNetwork(3, 4, 2, dtype=np.float32)
    module = to_torch(net, net.init(np.random.default_rng(0)))
    assert all(value.dtype == torch.float32 for value in module.parameters())
    assert all(value.dtype == np.float32 for value in from_torch(net, module.state_dict()).values())


@pytest.mark.parametrize("cell, theirs", [("rnn", "RNNCell"), ("lstm", "LSTMCell"), ("gru", "GRUCell")])
def test_pytorchs_own_cells_are_ours_without_plasticity(cell, theirs):
    """nn.LSTMCell is the reading "paper"; both of its biases are used; nn.GRUCell's second one must be 0 for n."""
    D, N, B = 3, 4, 2
    net, rng = PlasticNetwork(D, N, 2, cell=cell, plasticity="none", reading="paper"), np.random.default_rng(1)
    module = getattr(torch.nn, theirs)(D, N, dtype=torch.float64)
    with torch.no_grad():
        for value in module.parameters():
            value.copy_(torch.from_numpy(rng.standard_normal(value.shape)))
        if cell == "gru":
            module.bias_hh[2 * N :] = 0
    arrays = {name: value.detach().numpy() for name, value in module.named_parameters()}
    params = net.init(rng) | cell_from_torch(cell, arrays)
    x, state = rng.standard_normal((5, B, D)), net.initial_state(B).map(lambda v: rng.standard_normal(v.shape))
    traj = net.forward(params, x, state)

    h, c = (None if value is None else torch.from_numpy(value) for value in state[:2])
    hs = []
    for x_t in torch.from_numpy(x):
        if cell == "lstm":
            h, c = module(x_t, (h, c))
        else:
            h = module(x_t, h)
        hs.append(h)
    hs = torch.stack(hs)
    assert close(hs.detach().numpy(), traj.h[1:])

    d_values = rng.standard_normal(hs.shape[:2])
    (hs @ torch.from_numpy(params["W_v"]) * torch.from_numpy(d_values)).sum().backward()
    theirs = cell_from_torch(cell, {name: p.grad.numpy() for name, p in module.named_parameters()}, gradients=True)
    ours = net.backward(params, traj, np.zeros_like(traj.logits), d_values).params
    assert len(theirs) == 3 * max(len(ORDERS[cell]), 1)
    assert all(close(theirs[name], ours[name]) for name in theirs)


class Own(Rule):
    name = "outer"  # the name of another


@pytest.mark.parametrize("rule", ["taylor", Own()])
def test_networks_that_are_not_covered_are_refused(rule):
    net = PlasticNetwork(3, 4, 2, rule=rule)
    with pytest.raises(ValueError, match="^net.rule: expected one of outer, trace, decay, oja, soft, got"):
        to_torch(net, net.init(np.random.default_rng(0)))
    with pytest.raises(ValueError, match="^net.rule: expected"):
        from_torch(net, {})


def test_wrong_tensors_are_refused_by_name():
    net = PlasticNetwork(3, 4, 2)
    params = net.init(np.random.default_rng(0))
    good = to_torch(net, params).state_dict()
    with pytest.raises(ValueError, match="^tensors: expected weight_ih, .*; missing or unknown alpha, beta$"):
        from_torch(net, {("beta" if name == "alpha" else name): value for name, value in good.items()})
    with pytest.raises(ValueError, match=r"^tensors\['weight_ih'\]: expected shape \(4, 3\), got \(3, 4\)$"):
        from_torch(net, good | {"weight_ih": good["weight_ih"].T})
    with pytest.raises(TypeError, match=r"^tensors\['alpha'\]: expected torch.float64, got torch.float32$"):
        from_torch(net, good | {"alpha": good["alpha"].float()})
    with pytest.raises(ValueError, match="^params: expected .*missing alpha"):
        to_torch(net, {name: value for name, value in params.items() if name != "alpha"})
    with pytest.raises(TypeError, match="^net: expected a PlasticNetwork, got int$"):
        to_torch(3, params)
