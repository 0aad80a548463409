"""Electromyography: channel names, envelopes, timing and agreement with activations."""

from musclemimic_eval.emg.agreement import ChannelAgreement as ChannelAgreement
from musclemimic_eval.emg.agreement import agree as agree
from musclemimic_eval.emg.channels import Channel as Channel
from musclemimic_eval.emg.channels import ChannelMap as ChannelMap
from musclemimic_eval.emg.channels import ChannelTable as ChannelTable
from musclemimic_eval.emg.channels import load_channel_table as load_channel_table
from musclemimic_eval.emg.channels import map_channels as map_channels
from musclemimic_eval.emg.envelope import linear_envelope as linear_envelope
from musclemimic_eval.emg.envelope import normalise as normalise
from musclemimic_eval.emg.recording import EmgRecording as EmgRecording
from musclemimic_eval.emg.timing import Burst as Burst
from musclemimic_eval.emg.timing import Correlation as Correlation
from musclemimic_eval.emg.timing import correlate as correlate
from musclemimic_eval.emg.timing import find_bursts as find_bursts
