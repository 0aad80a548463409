"""EMG from files: OpenSim tables and C3D recordings."""

import logging
from pathlib import Path

import numpy as np
from musclemimic_models import InputError, MuscleTable
from musclemimic_models.errors import unknown_name

from musclemimic_eval.emg.channels import ChannelMap, ChannelTable, Side, map_channels
from musclemimic_eval.emg.envelope import linear_envelope
from musclemimic_eval.emg.recording import EmgRecording, Kind, guess_kind
from musclemimic_eval.human.files import read_c3d, read_table

logger = logging.getLogger(__name__)
SUFFIXES = (".c3d", ".mot", ".sto")


def read_emg(
    path: Path | str,
    muscles: MuscleTable,
    *,
    table: ChannelTable | None = None,
    default_side: Side | None = None,
    kind: Kind | None = None,
) -> tuple[EmgRecording, ChannelMap]:
    """Read the channels that stand for muscles of a model.

    Args:
        path: .sto or .mot (columns beside `time`), or .c3d (analog channels, on the clock that
            starts with its first frame).
        muscles: of the model.
        table: channel names; None for the project's own.
        default_side: of channels that name none.
        kind: None to tell raw signals from envelopes by their samples below zero; logged.

    Returns:
        The recording with only those channels, and what they mean.

    Raises:
        InputError: an unreadable file, no channel with a known name, or as `map_channels`.
    """
    path = Path(path)
    match path.suffix.lower():
        case ".sto" | ".mot":
            content = read_table(path)
            time, labels, values = content.values[:, 0], content.labels[1:], content.values[:, 1:]
        case ".c3d":
            file = read_c3d(path)
            time = np.arange(len(file.analog)) / file.analog_rate
            labels, values = file.analog_labels, file.analog
        case suffix:
            raise unknown_name(path, "suffix", suffix, list(SUFFIXES))
    found = map_channels(labels, muscles, table=table, default_side=default_side)
    if not found.channels:
        raise InputError(
            path,
            "channels",
            found=", ".join(labels[:8]) or "none",
            expected="names of muscles; a channel table of your own can explain others",
        )
    if found.unknown:
        logger.info("%s: not read as EMG: %s", path.name, ", ".join(found.unknown))
    chosen = [labels.index(channel.label) for channel in found.channels]
    values = values[:, chosen]
    if kind is None:
        kind = guess_kind(values, str(path))
        logger.info("%s: read as %s", path.name, kind)
    names = tuple(channel.label for channel in found.channels)
    return EmgRecording(time, names, values, kind, str(path)), found


def as_envelopes(recording: EmgRecording) -> EmgRecording:
    """Envelopes: as they are, or by `linear_envelope` with the widest band the rate allows.

    Raises:
        InputError: raw signals sampled too slowly for surface EMG.
    """
    if recording.kind == "envelope":
        return recording
    upper = min(400.0, 0.45 * recording.rate_hz)
    if upper < 150.0:
        raise InputError(
            recording.source,
            "sampling rate",
            found=f"{recording.rate_hz:g} Hz",
            expected="at least 334 Hz for raw surface EMG",
        )
    return linear_envelope(recording, band_hz=(20.0, upper))
