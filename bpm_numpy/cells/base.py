"""What a cell is: how h_t follows from x_t, the state, and y_t, the input through the plastic weights."""

from ..parts import Parameter, Part, normal


class Cell(Part):
    """h_t = f(x_t, h_{t-1}, c_{t-1}, y_t), with y_t = h_{t-1} W~(t) from ``equations.plastic_weights``.

    ``plastic_name``: the name of w, the fixed part of the plastic weights (N, N). The network reads w itself, so its
    gradient is not the cell's; ``parameters`` lists it all the same, where it is drawn.
    ``fast``: the same cell in two parts for the chunked way (``cells.fast``), or None.
    """

    kind = "cell"
    plastic_name = None
    fast = None

    def carried(self, net):
        """Shape, of one episode, of what the cell carries beside h (``State.c``), or None."""
        return None

    def forward(self, net, params, x, h_prev, c_prev, y):
        """x (B, D), h_prev (B, N), c_prev (B, *carried) or None, y (B, N) -> h_t (B, N), c_t, p_t (B, N), cache.

        p_t is the post-synaptic activity that plasticity sees.
        """
        self.lacks("forward")

    def backward(self, net, dh, dc, dp, cache):
        """dh (B, N), dc (like c, or None), dp (B, N) -> dx (B, D), dh_prev (B, N), dc_prev, dy (B, N), gradients.

        dh_prev leaves out what goes through y: that is the network's.
        """
        self.lacks("backward")

    def jvp(self, net, t_params, t_x, t_h_prev, t_c_prev, t_y, cache):
        """-> tangents of h_t (B, N), c_t (or None) and p_t (B, N)."""
        self.lacks("jvp")


def gate_parameters(net, gates, bias=None):
    """dict: W_kx (D, N), W_kh (N, N) and b_k (N,) of every gate k. ``bias``: where a b_k does not start at 0."""
    D, N = net.n_inputs, net.n_hidden
    table = {}
    for k in gates:
        table[f"W_{k}x"] = Parameter((D, N), normal)
        table[f"W_{k}h"] = Parameter((N, N), normal)
        table[f"b_{k}"] = Parameter((N,), (bias or {}).get(k, 0.0))
    return table


# A gate's argument z_k = x W_kx + h W_kh + b_k, which most cells are made of.


def gate_forward(params, k, x, h):
    """x (B, D), h (B, N) -> z_k (B, N)."""
    return x @ params[f"W_{k}x"] + params[f"b_{k}"] + h @ params[f"W_{k}h"]


def gate_backward(params, k, dz, x, h):
    """dz_k (B, N) -> dx (B, D), dh (B, N), gradients."""
    grads = {f"W_{k}x": x.T @ dz, f"W_{k}h": h.T @ dz, f"b_{k}": dz.sum(axis=0)}
    return dz @ params[f"W_{k}x"].T, dz @ params[f"W_{k}h"].T, grads


def gate_jvp(params, t_params, k, x, h, t_x, t_h):
    """Tangent of z_k (B, N)."""
    t_weights = x @ t_params[f"W_{k}x"] + h @ t_params[f"W_{k}h"] + t_params[f"b_{k}"]
    return t_x @ params[f"W_{k}x"] + t_h @ params[f"W_{k}h"] + t_weights
