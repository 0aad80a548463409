"""EMG from files: OpenSim tables and the C3D recordings of two laboratories."""

import numpy as np
import pytest
from musclemimic_eval.emg import find_bursts, normalise
from musclemimic_eval.emg.readers import as_envelopes, read_emg
from musclemimic_models import InputError


def table(path, rows, labels=("time", "soleus", "weather")):
    lines = ["emg", "version=1", "endheader", "\t".join(labels)]
    lines += ["\t".join(f"{value:.6f}" for value in row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_table_is_read_and_its_kind_told(body, tmp_path):
    t = np.arange(0, 1, 0.001)
    raw = np.sin(2 * np.pi * 90 * t)
    path = table(tmp_path / "emg.sto", np.stack([t, raw, 0 * t + 20], axis=1))
    recording, channels = read_emg(path, body.muscles, default_side="left")
    assert recording.labels == ("soleus",)
    assert channels.unknown == ("weather",)
    assert recording.kind == "raw"
    assert recording.rate_hz == pytest.approx(1000)
    assert as_envelopes(recording).kind == "envelope"
    assert read_emg(path, body.muscles, default_side="left", kind="envelope")[0].kind == "envelope"
    with pytest.raises(InputError, match="side: found none in soleus"):
        read_emg(path, body.muscles)


def test_files_without_emg_are_refused(body, tmp_path):
    rows = np.stack([np.arange(0, 1, 0.1)] * 2, axis=1)
    path = table(tmp_path / "grf.mot", rows, ("time", "ground_force_vx"))
    with pytest.raises(InputError, match="channels: found ground_force_vx"):
        read_emg(path, body.muscles)
    with pytest.raises(InputError, match=r"suffix: found '\.csv'"):
        read_emg(tmp_path / "emg.csv", body.muscles)


def test_slow_raw_signals_are_refused(body, tmp_path):
    t = np.arange(0, 3, 0.005)
    path = table(tmp_path / "emg.sto", np.stack([t, np.sin(200 * t), t], axis=1))
    recording, _ = read_emg(path, body.muscles, default_side="left")
    with pytest.raises(InputError, match="sampling rate: found 200 Hz"):
        as_envelopes(recording)


def test_the_opensim_subjects_bursts_are_where_they_were_seen(body, real_data):
    """data/reference/README.md: at 30 % of the maximum, over the stride from 0.267 to 1.412 s."""
    path = real_data / "opensim_walk3d" / "electromyography.sto"
    recording, channels = read_emg(path, body.muscles, default_side="right")
    assert recording.kind == "envelope"
    assert channels.unknown == ()
    assert (recording.values < 0).any()  # slightly negative in places, and kept
    scaled = normalise(recording)
    inside = (scaled.time >= 0.267) & (scaled.time <= 1.412)
    percent = 100 * (scaled.time[inside] - 0.267) / 1.145

    def bursts(label):
        curve = scaled.channel(label)[inside]
        found = find_bursts(curve, percent, threshold=0.3 * curve.max(), shortest_s=3.0, gap_s=1.0)
        return [(round(b.onset_s), round(b.offset_s)) for b in found]

    assert bursts("soleus") == [pytest.approx((37, 59), abs=2)]
    # 28 to 53 %, with a dip in between.
    assert bursts("gastrocnemius") == [
        pytest.approx((28, 33), abs=2),
        pytest.approx((37, 53), abs=2),
    ]
    assert pytest.approx((0, 15), abs=2) in bursts("tibialis_anterior")
    assert pytest.approx((74, 100), abs=2) in bursts("tibialis_anterior")
    assert pytest.approx((92, 100), abs=2) in bursts("medial_hamstrings")
    assert pytest.approx((0, 25), abs=2) in bursts("vastus_lateralis")


def test_french_abbreviations_burst_when_their_muscles_do(body, real_data):
    """Stance of the right foot 2.08 to 2.66 s: gluteus maximus at its start, gastrocnemius late."""
    recording, channels = read_emg(
        real_data / "c3d_forceplate" / "bmc_gait.c3d", body.muscles, kind="raw"
    )
    assert len(channels.channels) == 16
    assert all(label[:2] in ("F1", "F2", "M1", "M2") for label in channels.unknown)
    envelope = normalise(as_envelopes(recording))

    def share(label, start, end):
        curve = envelope.channel(label)
        inside = (envelope.time >= start) & (envelope.time <= end)
        stance = (envelope.time >= 2.08) & (envelope.time <= 2.66)
        return curve[inside].mean() / curve[stance].mean()

    assert share("RGRF", 2.08, 2.20) > 1.5 > 1 > share("RGRF", 2.40, 2.55)
    assert share("RJUM", 2.38, 2.50) > 2 > 1 > share("RJUM", 2.08, 2.20)
    assert share("RSOL", 2.38, 2.55) > 1.5


def test_full_names_in_a_c3d_file(body, real_data):
    recording, channels = read_emg(
        real_data / "c3d_forceplate" / "rehazenter_2014001_C1_01.c3d", body.muscles
    )
    assert recording.kind == "raw"
    assert recording.rate_hz == pytest.approx(1500)
    assert {channel.side for channel in channels.channels} == {"right"}
    assert len(channels.channels) == 8
