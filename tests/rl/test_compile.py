"""Nothing is compiled after the first update, whatever happens in the episodes."""

from musclemimic_rl import NetworkConfig, ValidationConfig, train
from toys import PointMass


def counted(config, env, seen, **others):
    """Compilations so far after each update, and the episodes that ended in each."""
    counts, episodes = [len(seen)], []

    def note(progress):
        counts.append(len(seen))
        episodes.append(progress.rollout.episodes)

    train(config, env, on_update=note, show_progress=False, **others)
    return counts, episodes


def test_on_a_toy_whose_first_episodes_end_late(toy_config, compilations):
    config = toy_config(
        total_steps=16 * 16 * 8,
        network=NetworkConfig(hidden=(24,)),
        validation=ValidationConfig(every=3, horizon=50),
    )
    env = PointMass(16)
    env.limit = float("inf")  # so that every episode is cut off at its 40th step
    counts, episodes = counted(config, env, compilations, validation_env=PointMass(4))
    assert counts[1] > counts[0]  # the listener works
    assert episodes[:2] == [0, 0]
    assert sum(episodes) > 0
    assert counts[2:] == [counts[1]] * (len(counts) - 2)
