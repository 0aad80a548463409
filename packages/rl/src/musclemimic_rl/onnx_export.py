"""Writing a policy as an ONNX graph (extra `onnx`), for runtimes outside Python."""

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
from musclemimic_models.errors import InputError
from musclemimic_models.files import atomic_write

from musclemimic_rl.forward import action_mean
from musclemimic_rl.portable import NORM_EPSILON, OBS_CLIP, OBS_EPSILON, NumpyPolicy

INPUT, OUTPUT = "obs", "action"
# LayerNormalization came with operator set 17; runtimes since early 2023 read this pair.
_OPSET, _IR_VERSION = 17, 8


def export_onnx(policy: NumpyPolicy, path: Path | str) -> None:
    """Write the mean action as a graph: input "obs" (N, O), output "action" (N, A), float32.

    Observations are raw, as the environment gives them: their normalisation is in the graph. The
    environment's layout stands in the model's metadata under "spec", as JSON.

    Raises:
        InputError: the package onnx is not installed.
    """
    onnx = _onnx(path)
    graph = _GraphOperations(onnx, policy)
    last = action_mean(graph, policy.network, INPUT, obs_size=policy.obs_size)
    graph.node("Identity", [last], OUTPUT)
    helper, float_type = onnx.helper, onnx.TensorProto.FLOAT
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "policy",
            [helper.make_tensor_value_info(INPUT, float_type, ["N", policy.obs_size])],
            [helper.make_tensor_value_info(OUTPUT, float_type, ["N", policy.action_size])],
            graph.initialisers,
        ),
        producer_name="musclemimic_rl",
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    helper.set_model_props(model, {"spec": json.dumps(policy.spec_fields)})
    onnx.checker.check_model(model, full_check=True)
    atomic_write(Path(path), lambda file: file.write(model.SerializeToString()))


class _GraphOperations:
    """`Operations` on the names of values in a graph, which it builds up."""

    def __init__(self, onnx: ModuleType, policy: NumpyPolicy) -> None:
        self._onnx, self._arrays = onnx, policy.arrays
        self.nodes: list[object] = []
        self.initialisers: list[object] = []
        self._stored: set[str] = set()

    def node(
        self, kind: str, inputs: Sequence[str], output: str | None = None, **attributes: object
    ) -> str:
        """Add a node; returns the name of its output."""
        output = output or f"{kind.lower()}_{len(self.nodes)}"
        node = self._onnx.helper.make_node(kind, list(inputs), [output], **attributes)
        self.nodes.append(node)
        return output

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add an initialiser, once; returns its name."""
        if name not in self._stored:
            self._stored.add(name)
            self.initialisers.append(self._onnx.numpy_helper.from_array(value, name))
        return name

    def normalised(self, obs: str) -> str:
        std = np.sqrt(self._arrays["obs_moments.var"] + np.float32(OBS_EPSILON))
        centred = self.node("Sub", [obs, self._array("obs_moments.mean")])
        z = self.node("Div", [centred, self.constant("obs_std", std)])
        low = self.constant("clip_low", np.array(-OBS_CLIP, np.float32))
        high = self.constant("clip_high", np.array(OBS_CLIP, np.float32))
        return self.node("Clip", [z, low, high])

    def dense(self, x: str, name: str) -> str:
        inputs = [x, self._array(f"{name}.weight"), self._array(f"{name}.bias")]
        return self.node("Gemm", inputs, transB=1)

    def layer_norm(self, x: str, name: str) -> str:
        inputs = [x, self._array(f"{name}.weight"), self._array(f"{name}.bias")]
        return self.node("LayerNormalization", inputs, axis=-1, epsilon=NORM_EPSILON)

    def silu(self, x: str) -> str:
        return self.node("Mul", [x, self.node("Sigmoid", [x])])

    def softmax(self, x: str) -> str:
        return self.node("Softmax", [x], axis=-1)

    def gated_sum(self, skip: str, inner: str, name: str) -> str:
        gate = self.node("Sigmoid", [self._array(name)])
        return self.node("Add", [skip, self.node("Mul", [gate, inner])])

    def weighted_sum(self, shares: str, parts: Sequence[str]) -> str:
        terms: list[str] = []
        for e, part in enumerate(parts):
            column = self.constant(f"column_{e}", np.array([e], np.int64))
            share = self.node("Gather", [shares, column], axis=1)
            terms.append(self.node("Mul", [share, part]))
        return self.node("Sum", terms)

    def _array(self, name: str) -> str:
        return self.constant(name, self._arrays[name])


def _onnx(path: object) -> ModuleType:
    try:
        onnx = import_module("onnx")
    except ModuleNotFoundError as error:
        raise InputError(
            path,
            "onnx",
            found=f"no module {error.name}",
            expected="pip install 'musclemimic-rl[onnx]'",
        ) from error
    for part in ("checker", "helper", "numpy_helper"):
        import_module(f"onnx.{part}")
    return onnx
