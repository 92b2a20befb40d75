"""From somebody else's implementation to this one, and back: CHECK_YOUR_OWN.md walks through an example.

conventions     the layouts of other programs, and ours; NumPy alone
comparison      their numbers against ours: equal, or how they are related
torch_network   the same network as a PyTorch module; the only module of the package that imports PyTorch
"""
