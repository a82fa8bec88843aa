"""DICOM electrocardiograms (PS3.3 A.34): the leads, and the intervals that the device measured.

Leads and measurements are known by their codes: SCPECG (SCP-ECG sections as code values, seen on a Mortara el250) and
MDC. What the device did not measure it states as 0, which is no number. Median beats are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from struct import iter_unpack
from typing import Any

from drivers.core import dicom, vocab
from drivers.core.driver import Driver, Listener
from drivers.core.errors import PacketError
from drivers.core.measured import measured
from drivers.core.model import Event, Numeric, Packet, Waveform

CLASSES = tuple(f"1.2.840.10008.5.1.4.1.1.9.1.{number}" for number in (1, 2, 3))  # 12-lead, general, ambulatory
LEAD = re.compile(r"(?:5\.6\.3-9-|2:)(\d{1,3})")
MEASURED = {
    ("SCPECG", "5.10.2.1-3"): vocab.RR_INTERVAL,
    ("SCPECG", "5.13.5-7"): vocab.PR_INTERVAL,
    ("SCPECG", "5.13.5-9"): vocab.QRS_DURATION,
    ("SCPECG", "5.13.5-11"): vocab.QT_INTERVAL,
    ("SCPECG", "5.10.2.5-5"): vocab.QTC_INTERVAL,
    ("MDC", "2:15872"): vocab.PR_INTERVAL,
    ("MDC", "2:16156"): vocab.QRS_DURATION,
    ("MDC", "2:16160"): vocab.QT_INTERVAL,
    ("MDC", "2:16000"): vocab.RR_INTERVAL,
}
FORMATS = {(8, "SB"): "b", (8, "UB"): "B", (16, "SS"): "h", (16, "US"): "H", (32, "SL"): "i", (32, "UL"): "I"}
IN_NANOVOLTS = {"nV": Decimal(1), "uV": Decimal(1000), "mV": Decimal(1_000_000)}
MAX_SAMPLES = 4_000_000


def decode(packet: Packet) -> Iterator[Event]:
    """One object."""
    return dicom.events(packet, _events)


def _events(found: Any) -> Iterable[Event]:
    groups = [
        group for group in found.get("WaveformSequence") or () if dicom.text(group, "WaveformOriginality") != "DERIVED"
    ]
    if not groups:
        raise PacketError("this DICOM electrocardiogram has no recorded waveforms")
    big = found.file_meta.TransferSyntaxUID == dicom.BIG_ENDIAN
    waves = [wave for group in groups for wave in _waves(group, ">" if big else "<")]
    at = dicom.taken(found)
    notes = (_numeric(note, at) for note in found.get("WaveformAnnotationSequence") or ())
    return [dicom.identity(found), *(note for note in notes if note is not None), *waves]


def _numeric(note: Any, at: Any) -> Numeric | None:
    metric = MEASURED.get(dicom.code(note, "ConceptNameCodeSequence"))
    if metric is None:
        return None
    scheme, unit = dicom.code(note, "MeasurementUnitsCodeSequence")
    if (scheme, unit) != ("UCUM", metric.unit):
        raise PacketError(f"{metric.name}: wanted UCUM {metric.unit}, got {scheme} {unit}")
    value = dicom.number(note, "NumericValue")
    return measured(metric, value or None, taken=at)


def _waves(group: Any, order: str) -> Iterator[Waveform]:
    channels = group.get("ChannelDefinitionSequence") or ()
    bits, kind = (
        int(dicom.number(group, "WaveformBitsAllocated") or 0),
        dicom.text(group, "WaveformSampleInterpretation"),
    )
    count, rate = int(dicom.number(group, "NumberOfWaveformSamples") or 0), dicom.number(group, "SamplingFrequency")
    data = group.get("WaveformData") or b""
    if (bits, kind) not in FORMATS or not rate or rate < 0 or not channels or not count:
        raise PacketError(
            f"a waveform states {len(channels)} channels, {count} samples of {bits} bits {kind} at {rate} Hz"
        )
    wanted = len(channels) * count * bits // 8
    if len(data) not in {wanted, wanted + 1} or len(channels) * count > MAX_SAMPLES:  # padded to an even length
        raise PacketError(f"a waveform states {wanted} bytes and has {len(data)}")
    samples = [value for (value,) in iter_unpack(order + FORMATS[bits, kind], data[:wanted])]
    gap = _gap(group, order + FORMATS[bits, kind])
    for number, channel in enumerate(channels):
        yield _wave(channel, rate, samples[number :: len(channels)], gap)


def _gap(group: Any, form: str) -> int | None:
    """The value that stands for no sample."""
    raw = group.get("WaveformPaddingValue")
    values = [value for (value,) in iter_unpack(form, raw)] if isinstance(raw, bytes) and len(raw) in {2, 4} else []
    return values[0] if values else None


def _wave(channel: Any, rate: Decimal, samples: list[int], gap: int | None) -> Waveform:
    found = LEAD.fullmatch(dicom.code(channel, "ChannelSourceSequence")[1])
    metric = vocab.ECG_LEADS.get(int(found[1]) if found else 0, vocab.ECG_LEADS[0])
    unit = IN_NANOVOLTS.get(dicom.code(channel, "ChannelSensitivityUnitsSequence")[1])
    steps = dicom.number(channel, "ChannelSensitivity"), dicom.number(channel, "ChannelSensitivityCorrectionFactor")
    if unit is None or not steps[0]:
        return Waveform(metric, rate, "1", tuple(None if one == gap else one for one in samples))
    scale, base = steps[0] * (steps[1] or 1) * unit, (dicom.number(channel, "ChannelBaseline") or 0) * unit
    if scale % 1 or base % 1:
        raise PacketError(f"{metric.name}: one step of {scale} nV is no whole number of them")
    whole, offset = int(scale), int(base)
    return Waveform(metric, rate, "nV", tuple(None if one == gap else one * whole + offset for one in samples))


DRIVER = Driver(
    name="dicom-ecg",
    kind="electrocardiograph",
    claim=Listener("dicom", CLASSES),
    decoder=lambda: decode,
    quiet_s=None,
    gives=(
        vocab.RR_INTERVAL,
        vocab.PR_INTERVAL,
        vocab.QRS_DURATION,
        vocab.QT_INTERVAL,
        vocab.QTC_INTERVAL,
        *vocab.ECG_LEADS.values(),
    ),
    evidence="a file of a Mortara el250, kept outside the project",
)
