"""Small Warp kernels: masked writes, full moment matrices, contact forces summed by foot."""

# Warp compiles these bodies; its array annotations are its own, and so is its arithmetic.
# pyright: basic

from typing import no_type_check

import warp as wp


@wp.kernel(enable_backward=False)
@no_type_check
def write_rows(
    mask: wp.array(dtype=wp.bool),
    source: wp.array2d(dtype=wp.float32),
    target: wp.array2d(dtype=wp.float32),
):
    """Copy the rows of the worlds in `mask`."""
    world, column = wp.tid()
    if mask[world]:
        target[world, column] = source[world, column]


@wp.kernel(enable_backward=False)
@no_type_check
def fill_moments(
    count: wp.array2d(dtype=wp.int32),
    start: wp.array2d(dtype=wp.int32),
    column: wp.array2d(dtype=wp.int32),
    value: wp.array2d(dtype=wp.float32),
    full: wp.array3d(dtype=wp.float32),
):
    """Rows of sparse muscle moments (stored in any order) into a full matrix of zeros."""
    world, muscle = wp.tid()
    first = start[world, muscle]
    for entry in range(first, first + count[world, muscle]):
        full[world, muscle, column[world, entry]] = value[world, entry]


@wp.kernel(enable_backward=False)
@no_type_check
def sum_by_foot(  # noqa: PLR0917 - a kernel launch has no keywords
    count: wp.array(dtype=wp.int32),
    world_of: wp.array(dtype=wp.int32),
    geoms: wp.array(dtype=wp.vec2i),
    position: wp.array(dtype=wp.vec3),
    wrench: wp.array(dtype=wp.spatial_vector),
    foot_of_geom: wp.array(dtype=wp.int32),
    is_floor: wp.array(dtype=wp.bool),
    force: wp.array2d(dtype=wp.vec3),
    moment: wp.array2d(dtype=wp.vec3),
):
    """Ground force on each foot, and contact points weighted by their vertical force."""
    contact = wp.tid()
    if contact >= count[0]:
        return
    first = geoms[contact][0]
    second = geoms[contact][1]
    if is_floor[first] == is_floor[second]:
        return
    # The wrench acts on the second geom.
    on_foot = wp.spatial_top(wrench[contact])
    foot = foot_of_geom[second]
    if is_floor[second]:
        on_foot = -on_foot
        foot = foot_of_geom[first]
    if foot < 0:
        return
    world = world_of[contact]
    wp.atomic_add(force, world, foot, on_foot)
    wp.atomic_add(moment, world, foot, on_foot[2] * position[contact])
