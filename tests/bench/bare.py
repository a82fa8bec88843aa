"""The shortest honest code that takes the same numbers out of the wire bytes of each driver, for the bench beside this.

Numbers become Decimals and instants datetimes, as they do in a driver; samples become one tuple. Nothing is proven: no
length, no sum, no range, no special value, no status. Each function takes the bytes of one read, and cuts them where
the protocol does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from struct import Struct, unpack_from

Numbers = tuple[object, ...]
Bare = Callable[[bytes], Numbers]

CUFF, CUFF_BM85 = Struct("<xHHHHBBBBBHxx"), Struct("<xHHHHBBBBB2sxxx")
GLUCOSE, PLX = Struct("<xxxHBBBBBhHxxx"), Struct("<xHHHBBBBB5x")
FIVE, NONIN_8, CONTEC = Struct("5B"), Struct("4B"), Struct("9B")
GE_WAVES = Struct("<60h"), Struct("<20h")


def bci(data: bytes) -> Numbers:
    samples = FIVE.iter_unpack(data)
    return tuple((pleth, Decimal(spo2), Decimal((high & 0x40) << 1 | low)) for _, pleth, high, low, spo2 in samples)


def cuff(data: bytes) -> Numbers:
    systolic, diastolic, mean, *when, pulse = CUFF.unpack(data)
    return datetime(*when), sfloat(systolic), sfloat(diastolic), sfloat(mean), sfloat(pulse)  # noqa: DTZ001


def cuff_bm85(data: bytes) -> Numbers:
    systolic, diastolic, _, *when, pulse = CUFF_BM85.unpack(data)
    return datetime(*when), sfloat(systolic), sfloat(diastolic), sfloat(int.from_bytes(pulse, "big"))  # noqa: DTZ001


def glucose(data: bytes) -> Numbers:
    *when, minutes, value = GLUCOSE.unpack(data)
    return datetime(*when) + timedelta(minutes=minutes), sfloat(value).scaleb(5)  # noqa: DTZ001


def heart_rate(data: bytes) -> Numbers:
    intervals = unpack_from(f"<{(len(data) - 2) // 2}H", data, 2) if data[0] & 0x10 else ()
    return Decimal(data[1]), intervals


def plx(data: bytes) -> Numbers:
    spo2, pulse, *when = PLX.unpack(data)
    return datetime(*when), sfloat(spo2), sfloat(pulse)  # noqa: DTZ001


def thermometer(data: bytes) -> Numbers:
    raw, *when = unpack_from("<IHBBBBB", data, 1)
    exponent = raw >> 24
    return datetime(*when), Decimal(raw & 0xFFFFFF).scaleb(exponent - 256 if exponent > 127 else exponent)  # noqa: DTZ001


def weight(data: bytes) -> Numbers:
    raw, *when = unpack_from("<HHBBBBB", data, 1)
    return datetime(*when), raw * Decimal("0.005")  # noqa: DTZ001


def contec(data: bytes) -> Numbers:
    return tuple(
        (pleth & 0x7F, Decimal(pulse & 0x7F | tops << 4 & 0x80), Decimal(spo2 & 0x7F | tops << 3 & 0x80))
        for _, tops, _, pleth, _, pulse, spo2, _, _ in CONTEC.iter_unpack(data)
    )


def ge_waves(data: bytes) -> Numbers:
    body = data.replace(b"\x7d\x5e", b"\x7e").replace(b"\x7d\x5d", b"\x7d")
    return tuple(wave.unpack_from(body, at) for wave, at in zip(GE_WAVES, (47, 431), strict=True))


def hl7(data: bytes) -> Numbers:
    found = []
    for line in data.decode().split("\r"):
        fields = line.split("|")
        if fields[0] == "OBX":
            found.append((fields[3].split("^")[1], Decimal(fields[5]), fields[6].split("^")[1]))
    return tuple(found)


def ivy(data: bytes) -> Numbers:
    lines = dict(line.split("=", 1) for line in data[409:-1].decode("latin-1").split("\r") if "=" in line)
    heart, breath, spo2, cuff = (lines[name].split(";") for name in ("HR", "RR", "SPO2", "NIBP"))
    numbers = (heart[1], breath[1], spo2[1], spo2[2][3:].strip(), *cuff[1:5])
    return tuple(data[9:209]), tuple(data[209:259]), tuple(data[259:309]), *map(Decimal, numbers)


def masimo(data: bytes) -> Numbers:
    text = data.decode()
    fields = dict(word.split("=") for word in text.split()[2:])
    month, day, year, hour, minute, second = (int(text[at : at + 2]) for at in (0, 3, 6, 9, 12, 15))
    when = datetime(2000 + year, month, day, hour, minute, second)  # noqa: DTZ001
    return when, *(Decimal(fields[name].rstrip("%")) for name in ("SPO2", "BPM", "PI")), int(fields["EXC"], 16)


def microlife(data: bytes) -> Numbers:
    found: list[object] = []
    for at in range(42, len(data) - 1, 10):
        systolic, diastolic, pulse, year, month, day, hour, minute = data[at : at + 8]
        when = datetime(2000 + year, month, day, hour, minute)  # noqa: DTZ001
        found += (when, Decimal(systolic), Decimal(diastolic), Decimal(pulse))
    return tuple(found)


def nellcor(data: bytes) -> Numbers:
    day, time, spo2, pulse, *_ = data.decode().split()
    return datetime.strptime(f"{day} {time}", "%d-%b-%y %H:%M:%S"), Decimal(spo2), Decimal(pulse)  # noqa: DTZ007


def nonin_2(data: bytes) -> Numbers:
    frames = [(pleth, value) for _, _, pleth, value, _ in FIVE.iter_unpack(data)]
    pulse = (frames[0][1] & 3) << 7 | frames[1][1]
    return tuple(pleth for pleth, _ in frames), Decimal(pulse), Decimal(frames[2][1])


def nonin_7(data: bytes) -> Numbers:
    values = data[3::5]
    pleth = tuple(high << 8 | low for high, low in zip(data[1::5], data[2::5], strict=True))
    return pleth, Decimal((values[0] & 3) << 7 | values[1]), Decimal(values[2])


def nonin_8(data: bytes) -> Numbers:
    seconds = NONIN_8.iter_unpack(data)
    return tuple((Decimal((high & 3) << 7 | low), Decimal(spo2)) for high, low, spo2, _ in seconds)


def nonin_13(data: bytes) -> Numbers:
    century, year, month, day, hour, minute, second, _, _, pulse, _, spo2 = unpack_from(">8BHHBB", data, 6)
    return datetime(century * 100 + year, month, day, hour, minute, second), Decimal(pulse), Decimal(spo2)  # noqa: DTZ001


def omron(data: bytes) -> Numbers:
    systolic, diastolic, pulse, year, first, second = unpack_from("<BBBBHH", data)
    when = first >> 10 & 15, first >> 5 & 31, first & 31, second >> 6 & 63, second & 63
    return datetime(2000 + year, *when), Decimal(systolic + 25), Decimal(diastolic), Decimal(pulse)  # noqa: DTZ001


def omron_be(data: bytes) -> Numbers:
    diastolic, systolic, year, pulse, first, second = unpack_from(">BBBBHH", data)
    when = first >> 10 & 15, first >> 5 & 31, first & 31, second >> 6 & 63, second & 63
    return datetime(2000 + year, *when), Decimal(systolic + 25), Decimal(diastolic), Decimal(pulse)  # noqa: DTZ001


def intellivue(data: bytes) -> Numbers:
    found, at = [], 0
    while (at := data.find(b"\x09\x50\x00\x0a", at + 1)) >= 0:
        physio, _, unit, raw = unpack_from(">HHHI", data, at + 4)
        found.append((physio, unit, float32(raw)))
    at = data.index(b"\x09\x4b") + 4
    for place in range(at + 4, at + 34, 10):
        physio, _, unit, raw = unpack_from(">HHHI", data, place)
        found.append((physio, unit, float32(raw)))
    return tuple(found)


def scale_and(data: bytes) -> Numbers:
    return (Decimal(data[7:14].decode()),)


def scale_detecto(data: bytes) -> Numbers:
    _, _, _, height, weight = data.decode().strip().split(",")
    feet, inches = height[:-1].split("'")
    return int(feet) * 12 + Decimal(inches), Decimal(weight[:-2])


def scale_health_o_meter(data: bytes) -> Numbers:
    fields = {part[:1]: part[1:] for part in data.decode().split("\x1b")}
    return Decimal(fields["W"]), Decimal(fields["H"]), fields["N"]


def scale_seca(data: bytes) -> Numbers:
    return (bytes.fromhex(data[1:-3].decode()),)


def scp(data: bytes) -> Numbers:
    values, last, step, found = unpack_from("<12h", data, len(data) - 24), 0, 0, []
    for at, value in enumerate(values):
        step = value if at < 2 else step + value
        last = value if at < 2 else last + step
        found.append(last * 5000)
    return tuple(found)


def o2ring(data: bytes) -> Numbers:
    (length,) = unpack_from("<H", data, 5)
    body = data[7 : 7 + length]
    return Decimal(body[0]), Decimal(body[1]), Decimal(body[7])


def o2ring_s(data: bytes) -> Numbers:
    (length,) = unpack_from("<H", data, 5)
    body = data[7 : 7 + length]
    return Decimal(body[6]), Decimal(body[8]), Decimal(body[13])


def pc60fw(data: bytes) -> Numbers:
    spo2, pulse, perfusion = unpack_from("<BHB", data[4 : 4 + data[3]], 1)
    return Decimal(spo2), Decimal(pulse), Decimal(perfusion).scaleb(-1)


def yonker(data: bytes) -> Numbers:
    _, systolic, diastolic, pulse, _, _, day, month, year, hour, minute, *_ = data
    return datetime(2000 + year, month, day, hour, minute), Decimal(systolic), Decimal(diastolic), Decimal(pulse)  # noqa: DTZ001


def sfloat(raw: int) -> Decimal:
    mantissa, exponent = raw & 0xFFF, raw >> 12
    return Decimal(mantissa - 4096 if mantissa > 2047 else mantissa).scaleb(exponent - 16 if exponent > 7 else exponent)


def float32(raw: int) -> Decimal:
    mantissa, exponent = raw & 0xFFFFFF, raw >> 24
    return Decimal(mantissa).scaleb(exponent - 256 if exponent > 127 else exponent)
