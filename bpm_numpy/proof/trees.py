"""Nested parameters: dicts, lists and tuples of arrays, in any depth, and the names of their leaves.

A leaf is named as it is reached: ``layers[0].W`` is ``params["layers"][0]["W"]``. None holds no parameter.
"""

import copy

import numpy as np

from ..arguments import check_array, check_is_array

REAL, COMPLEX = (np.float64, np.float32), (np.complex128, np.complex64)


def leaves(tree, root):
    """All that is no dict, list, tuple or None, as a dict of name -> leaf; a tree that is a leaf is named ``root``.

    ValueError if two leaves would have the same name.
    """
    found = {}
    for name, leaf in _walk(tree, ""):
        name = name or root
        if name in found:
            raise ValueError(f"{root}: expected names that differ, got two parameters that are both written {name!r}")
        found[name] = leaf
    return found


def _walk(tree, name):
    if isinstance(tree, (dict, list, tuple)):
        for key, child in _items(tree):
            yield from _walk(child, _join(name, key))
    elif tree is not None:
        yield name, tree


def _items(tree):
    if isinstance(tree, dict):
        return list(tree.items())
    return list(zip(tree._fields if hasattr(tree, "_fields") else range(len(tree)), tree))  # a NamedTuple has names


def _join(name, key):
    if isinstance(key, str) and key:
        return f"{name}.{key}" if name else key
    return f"{name}[{key!r}]"


def rebuild(tree, values, root, name=""):
    """A tree of new containers like those of ``tree`` whose leaves are ``values[name]``."""
    if isinstance(tree, (dict, list, tuple)):
        children = {key: rebuild(child, values, root, _join(name, key)) for key, child in _items(tree)}
        if isinstance(tree, dict):
            moved = copy.copy(tree)  # an OrderedDict or a defaultdict stays one
            moved.update(children)
            return moved
        if hasattr(tree, "_make"):  # a NamedTuple
            return tree._make(children.values())
        return type(tree)(children.values())
    return None if tree is None else values[name or root]


def check_parameters(root, params, only):
    """Check the parameters to be differentiated -> dict of name -> array.

    ``only``: None for all, or names; that of a branch stands for all of it. The leaves that it leaves out may be
    anything. TypeError or ValueError unless every chosen leaf is a plain array of real or complex numbers, finite
    and not empty, and there is one.
    """
    if not isinstance(params, (dict, list, tuple)):
        check_is_array(root, params)  # one array alone is a tree as well
    found = leaves(params, root)
    for name in chosen_names(root, found, only):
        label = root if name == root and found[name] is params else f"{root}[{name!r}]"
        check_is_array(label, found[name])
        check_array(label, found[name], found[name].shape, REAL + COMPLEX)
        if not found[name].size:
            raise ValueError(f"{label}: expected at least one entry, got shape {found[name].shape}")
    return {name: found[name] for name in chosen_names(root, found, only)}


def chosen_names(root, found, only):
    """Those of the names ``found`` that ``only`` asks for, in their order."""
    if not found:
        raise ValueError(f"{root}: expected at least one parameter, got none")
    if only is None:
        return list(found)
    wanted = [only] if isinstance(only, str) else only
    if not isinstance(wanted, (list, tuple, set, frozenset)) or not all(isinstance(name, str) for name in wanted):
        raise TypeError(f"only: expected a name, or a list of names, got {only!r}")
    chosen = set()
    for asked in wanted:
        below = [asked] if asked in found else [name for name in found if _below(name, asked)]
        if not asked or not below:
            raise ValueError(f"only: expected names among {', '.join(found)}, got {asked!r}")
        chosen.update(below)
    if not chosen:
        raise ValueError("only: expected at least one name, got none")
    return [name for name in found if name in chosen]


def check_gradients(grads, params, chosen):
    """Check a tree of gradients against the tree of parameters, both as (name, tree) -> dict of name -> array.

    Same keys, same shapes, real where the parameter is real; NaN may come, since it is a gradient that is wrong,
    not an argument that is. Of what isn't ``chosen`` (a list of names) nothing is asked.
    """
    (root, tree), (params_root, params_tree) = grads, params
    return {name or params_root: grad for name, grad in _match(root, tree, params_tree, "", chosen)}


def _match(root, grads, params, name, chosen):
    label = root if not name else f"{root}[{name!r}]"
    if isinstance(params, dict):
        if not isinstance(grads, dict):
            raise TypeError(f"{label}: expected a dict of parameter name -> array, got {type(grads).__name__}")
        missing = [key for key in params if _holds(_join(name, key), chosen) and key not in grads]
        unknown = [key for key in grads if key not in params]
        if missing or unknown:
            which = f"missing {_text(missing)}" if missing else f"unknown {_text(unknown)}"
            raise ValueError(f"{label}: expected the parameters {_text(params)}; {which}")
        pairs = [(key, child, grads.get(key)) for key, child in params.items()]
    elif isinstance(params, (list, tuple)):
        if not isinstance(grads, (list, tuple)):
            raise TypeError(f"{label}: expected a list or tuple of {len(params)}, got {type(grads).__name__}")
        if len(grads) != len(params):
            raise ValueError(f"{label}: expected a list or tuple of {len(params)}, got one of {len(grads)}")
        pairs = [(key, child, grad) for (key, child), grad in zip(_items(params), grads)]
    else:
        dtypes = REAL + COMPLEX if params.dtype.type in COMPLEX else REAL if params.dtype == np.float32 else REAL[:1]
        check_array(label, grads, params.shape, dtypes, finite=False)
        yield name, grads
        return
    for key, child, grad in pairs:
        if _holds(_join(name, key), chosen):
            yield from _match(root, grad, child, _join(name, key), chosen)


def _holds(branch, chosen):
    return any(_below(leaf, branch) for leaf in chosen)


def _below(leaf, name):
    """Is the leaf of that name in the branch ``name``?"""
    return not name or leaf == name or leaf.startswith((f"{name}.", f"{name}["))


def _text(keys):
    return ", ".join(key if isinstance(key, str) else repr(key) for key in keys)
