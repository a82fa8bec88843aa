"""The codes of IHE PCD-01 (IEEE 11073-10101 in HL7 v2): what is measured, where, and in which unit, as monitors write.

A code is known by its name before its number, which some get wrong (150031 for 150301; 150017 for 150021).
"""

from __future__ import annotations

from functools import lru_cache

from drivers.core import vocab

_CODES = {
    vocab.SPO2: "MDC_PULS_OXIM_SAT_O2 150456 160^SPO2",
    vocab.PULSE_RATE: "MDC_PULS_OXIM_PULS_RATE 149530 MDC_PULS_RATE 149514 149522 161^PR",
    vocab.PERFUSION_INDEX: "MDC_BLD_PERF_INDEX 150488",
    vocab.HEART_RATE: "MDC_ECG_HEART_RATE MDC_ECG_CARD_BEAT_RATE 147842 101^HR",
    vocab.RESPIRATORY_RATE: "MDC_TTHOR_RESP_RATE 151578 MDC_RESP_RATE 151562 MDC_AWAY_RESP_RATE 151570 151^RR",
    vocab.TEMPERATURE: "MDC_TEMP 150344 MDC_TEMP_BODY 150364 MDC_TEMP_AXIL MDC_TEMP_AXILLA 188496 MDC_TEMP_EAR 188428 "
    "MDC_TEMP_TYMP 150392 MDC_TEMP_ORAL 188424 MDC_TEMP_RECT 188420 MDC_TEMP_ESOPH 150372 TEMP_T1",
    vocab.SYSTOLIC: "MDC_PRESS_CUFF_SYS 150301 MDC_PRESS_BLD_NONINV_SYS 150021 NIBP_SYS",
    vocab.DIASTOLIC: "MDC_PRESS_CUFF_DIA 150302 MDC_PRESS_BLD_NONINV_DIA 150022 NIBP_DIA",
    vocab.MEAN_PRESSURE: "MDC_PRESS_CUFF_MEAN 150303 MDC_PRESS_BLD_NONINV_MEAN 150023",
    vocab.PULSE_RATE_NIBP: "MDC_PULS_RATE_NON_INV 149546",
}
_METRICS = {code: metric for metric, codes in _CODES.items() for code in codes.split()}
_PLACES = {
    "armpit": "MDC_TEMP_AXIL MDC_TEMP_AXILLA 188496",
    "ear": "MDC_TEMP_EAR 188428 MDC_TEMP_TYMP 150392",
    "esophagus": "MDC_TEMP_ESOPH 150372",
    "mouth": "MDC_TEMP_ORAL 188424",
    "rectum": "MDC_TEMP_RECT 188420",
}
_SITES = {code: site for site, codes in _PLACES.items() for code in codes.split()}

_WORDS = {
    "%": "% PERCENT MDC_DIM_PERCENT 262688",
    "/min": "/MIN 1/MIN BPM RPM {BEATS}/MIN {BREATHS}/MIN MDC_DIM_BEAT_PER_MIN 264864 MDC_DIM_RESP_PER_MIN 264928",
    "mm[Hg]": "MMHG MM[HG] MDC_DIM_MMHG 266016",
    "kPa": "KPA MDC_DIM_KILO_PASCAL 265987",
    "Cel": "CEL C °C ℃ DEGC MDC_DIM_DEGC 268192",
    "[degF]": "[DEGF] F °F ℉ DEGF MDC_DIM_FAHR 266560",
}
_UNITS = {word: unit for unit, words in _WORDS.items() for word in words.split()}
_SAME = {"kPa": "mm[Hg]", "[degF]": "Cel"}  # what they can be converted to
_ONLY_UNIT = {"%", "/min"}  # what has them has no other, so they can be left out


@lru_cache(256)  # a monitor says the same dozen every second
def metric(number: str, name: str, system: str) -> tuple[vocab.Metric | None, str | None]:
    """What a code (number, name, system) stands for, and the site; nothing where it is not known or a maker's own."""
    if system.startswith("99"):
        return None, None
    name = name.upper()
    keys = (name,) if name.startswith("MDC_") else (name, f"{number}^{name}", number)
    key = next((key for key in keys if key in _METRICS), "")
    return _METRICS.get(key), _SITES.get(key)


@lru_cache(256)
def unit(number: str, name: str, of: vocab.Metric) -> str | None:
    """The unit that a code (its number or word, its name) stands for; None where `of` is not measured in it."""
    if not number and not name and of.unit in _ONLY_UNIT:
        return of.unit
    found = next((_UNITS[word.upper()] for word in (name, number) if word.upper() in _UNITS), None)
    return found if found is not None and _SAME.get(found, found) == of.unit else None
