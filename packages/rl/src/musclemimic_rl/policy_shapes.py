"""Which arrays a policy's file must hold, and their shapes; without making a network."""

from musclemimic_rl.network_config import NetworkConfig

Shapes = dict[str, tuple[int, ...]]


def array_shapes(network: NetworkConfig, *, obs_size: int, action_size: int) -> Shapes:
    """Name to shape of every array, as `arrays.to_arrays` names those of the trainable actor."""
    sizes = (obs_size, *network.hidden)
    shapes: Shapes = {
        "obs_moments.total": (),
        "obs_moments.mean": (obs_size,),
        "obs_moments.var": (obs_size,),
        "actor.log_std": (action_size,),
        **_dense("actor.head", sizes[-1], action_size),
    }
    for i in range(len(network.hidden)):
        layer = _plain if network.kind == "plain" else _block
        shapes |= layer(i, sizes[i], sizes[i + 1])
    if network.experts:
        width, count = sizes[-1], network.experts
        each = {**_dense("layers", width, width), **_norm("norms", width)}
        shapes |= {f"actor.experts.{name}": (count, *shape) for name, shape in each.items()}
        shapes |= _dense("actor.experts.gate", width, count)
    return shapes


def _plain(index: int, in_size: int, out_size: int) -> Shapes:
    layer = _dense(f"actor.trunk.layers.{index}", in_size, out_size)
    return layer | _norm(f"actor.trunk.norms.{index}", out_size)


def _block(index: int, in_size: int, out_size: int) -> Shapes:
    name = f"actor.trunk.blocks.{index}"
    return {
        **_dense(f"{name}.layers.0", in_size, out_size),
        **_dense(f"{name}.layers.1", out_size, out_size),
        **_norm(f"{name}.norms.0", out_size),
        **_norm(f"{name}.norms.1", out_size),
        f"{name}.gate": (),
        **({} if in_size == out_size else _dense(f"{name}.skip", in_size, out_size)),
    }


def _dense(name: str, in_size: int, out_size: int) -> Shapes:
    return {f"{name}.weight": (out_size, in_size), f"{name}.bias": (out_size,)}


def _norm(name: str, size: int) -> Shapes:
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}
