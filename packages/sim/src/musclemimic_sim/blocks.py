"""Which muscles act on which joints: moment matrices as a few small dense blocks.

A leg muscle has no moment arm at the shoulder. Kept as blocks (two legs with the trunk, two arms),
the full body's matrix of 31 joints by 354 muscles has a third of the numbers, and its products
cost a tenth.
"""

from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Bool, Float, Int
from musclemimic_models import MusculoModel

# A column's block has at most this many times its rows.
_IDLE = 3


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["parts"],
    meta_fields=["joints", "muscles", "rows"],
)
@dataclass(frozen=True)
class BlockMatrix:
    """N matrices of `rows` joints by M muscles with the same blocks.

    Attributes:
        parts: (N, j, m) of each block.
        joints, muscles: (j,) and (m,) rows and columns of each block. Every muscle is in exactly
            one block; a joint may be in several.
        rows: number of joints.
    """

    parts: tuple[Float[jax.Array, "N _ _"], ...]
    joints: tuple[tuple[int, ...], ...]
    muscles: tuple[tuple[int, ...], ...]
    rows: int

    def times(self, a: Float[jax.Array, "N M"]) -> Float[jax.Array, "N J"]:
        """Matrix times vector."""
        result = jnp.zeros((a.shape[0], self.rows), a.dtype)
        for part, joints, muscles in self._blocks():
            result = result.at[:, joints].add(jnp.einsum("njm,nm->nj", part, a[:, muscles]))
        return result

    def transposed(self, y: Float[jax.Array, "N J"]) -> Float[jax.Array, "N M"]:
        """Transposed matrix times vector."""
        columns = [
            jnp.einsum("njm,nj->nm", part, y[:, joints]) for part, joints, _ in self._blocks()
        ]
        return jnp.concatenate(columns, axis=1)[:, np.argsort(np.concatenate(self.muscles))]

    def weighted_square(self, weight: Float[jax.Array, "N M"]) -> Float[jax.Array, "N J J"]:
        """Matrix times diagonal times transposed matrix."""
        result = jnp.zeros((weight.shape[0], self.rows, self.rows), weight.dtype)
        for part, joints, muscles in self._blocks():
            square = (part * weight[:, None, muscles]) @ jnp.swapaxes(part, 1, 2)
            result = result.at[:, joints[:, None], joints].add(square)
        return result

    def scaled(
        self, rows: Float[jax.Array, "N J"], columns: Float[jax.Array, "N M"]
    ) -> "BlockMatrix":
        """Rows and columns multiplied by these factors."""
        parts = tuple(
            part * rows[:, joints, None] * columns[:, None, muscles]
            for part, joints, muscles in self._blocks()
        )
        return replace(self, parts=parts)

    def _blocks(
        self,
    ) -> list[tuple[Float[jax.Array, "N _ _"], Int[np.ndarray, " _"], Int[np.ndarray, " _"]]]:
        return [
            (part, np.array(joints), np.array(muscles))
            for part, joints, muscles in zip(self.parts, self.joints, self.muscles, strict=True)
        ]


def one_block(A: Float[jax.Array, "N J M"]) -> BlockMatrix:
    """A dense matrix as a block matrix."""
    _, rows, columns = A.shape
    return BlockMatrix((A,), (tuple(range(rows)),), (tuple(range(columns)),), rows)


def group_columns(
    pattern: Bool[np.ndarray, "J M"],
) -> list[tuple[Int[np.ndarray, " _"], Int[np.ndarray, " _"]]]:
    """Rows and columns of a few blocks that cover every True.

    Columns with the most rows come first; a column joins the first block that has all its rows,
    unless most of that block's rows would be idle for it. One without rows joins the first block.
    """
    rows: list[set[int]] = []
    columns: list[list[int]] = []
    for column in np.argsort(-pattern.sum(axis=0), kind="stable").tolist():
        support = set(np.flatnonzero(pattern[:, column]).tolist())
        fits = (
            not support or (support <= block and len(block) <= _IDLE * len(support))
            for block in rows
        )
        home = next((index for index, fit in enumerate(fits) if fit), None)
        if home is None:
            rows.append(support)
            columns.append([])
            home = len(rows) - 1
        columns[home].append(column)
    return [
        (np.array(sorted(block)), np.array(sorted(members)))
        for block, members in zip(rows, columns, strict=True)
    ]


def moment_pattern(model: MusculoModel) -> Bool[np.ndarray, "nu nv"]:
    """Which velocity coordinates a muscle's length can depend on, in any pose."""
    m, d = model.mj_model, mujoco.MjData(model.mj_model)
    mujoco.mj_fwdPosition(m, d)
    rows = np.repeat(np.arange(m.nu), d.moment_rownnz)
    pattern = np.zeros((m.nu, m.nv), dtype=bool)
    pattern[rows, d.moment_colind[: len(rows)]] = True
    return pattern
