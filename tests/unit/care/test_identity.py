"""The INS datamatrix and typed traits."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.care.errors import IdentityError
from appliance.care.identity import from_datamatrix, from_typed, key_of

GS = "\x1d"
HEADER = "IS010000000000000000000000"
# The example of the ANS document, as the design notes quote it.
EXAMPLE = f"{HEADER}S1277010115400329S21.2.250.1.213.1.4.8{GS}S3SARAH-LOU ANNA{GS}S4GARCIA-HAMMADI{GS}S5FS621-01-1977"
TODAY = date(2026, 11, 1)


def test_the_documents_example() -> None:
    traits = from_datamatrix(EXAMPLE, TODAY, test_identities=False)
    assert (traits.birth_name, traits.given_names, traits.sex) == ("GARCIA-HAMMADI", "SARAH-LOU ANNA", "F")
    assert (traits.birth_date, traits.ins_matricule) == (date(1977, 1, 21), "277010115400329")
    assert (traits.ins_oid, traits.origin) == ("1.2.250.1.213.1.4.8", "datamatrix")


def test_fields_come_in_any_order_and_the_birth_place_may_follow() -> None:
    text = f"{HEADER}S621-01-1977S763220S5FS4GARCIA{GS}S3ANNA{GS}S21.2.250.1.213.1.4.8{GS}S1277010115400329"
    assert from_datamatrix(text, TODAY, test_identities=False).birth_place == "63220"


def test_a_field_of_full_length_needs_no_separator() -> None:
    text = (
        EXAMPLE.replace(f"1.4.8{GS}", "1.4.10").replace("GARCIA-HAMMADI", "A" * 100).replace("A" * 100 + GS, "A" * 100)
    )
    assert from_datamatrix(text, TODAY, test_identities=True).birth_name == "A" * 100


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (EXAMPLE.replace("329S2", "328S2"), "key"),
        (EXAMPLE.replace(".4.8", ".4.10").replace(f"10{GS}", "10"), "test identity"),
        (EXAMPLE.replace(".4.8", ".4.7"), "OID"),
        (EXAMPLE.replace("S5F", "S5X"), "sex"),
        (EXAMPLE.replace("21-01-1977", "1977-01-21"), "birth date"),
        (EXAMPLE.replace("21-01-1977", "21-01-2077"), "birth date"),
        (EXAMPLE.replace("S5F", ""), "S5"),
        (EXAMPLE.replace(GS, "<GS>"), "S2|wanted"),
        (EXAMPLE[:60], "S2"),
        (EXAMPLE + "S1277010115400329", "each once"),
        ("0100000000000000", "IS01"),
        ("IS01" + "1" * 22, "zeros"),
        (EXAMPLE + GS * 600, "characters"),
        (EXAMPLE + GS, "at character"),
        (f"{EXAMPLE.replace(f'S4GARCIA-HAMMADI{GS}', '')}S4GARCIA{GS}", "last field and ends with a separator"),
        (EXAMPLE.replace("S5F", f"S5F{GS}"), "at character"),  # a field of fixed length has no separator
        (EXAMPLE.replace(f"{GS}S3", f"{GS}{GS}S3"), "at character"),
        (EXAMPLE.replace("329S2", "3\u0662\u0669S2"), "form of an INS"),  # digits of another script
        (EXAMPLE.replace("21-01-1977", "+1-01-1977"), "DD-MM-YYYY"),
        (EXAMPLE.replace("21-01-1977", "\u0662\u0661-01-1977"), "DD-MM-YYYY"),
        (EXAMPLE.replace("21-01-1977", "29-02-1977"), "DD-MM-YYYY"),
        (EXAMPLE.replace("GARCIA", "Garcia"), "upper case"),
        (EXAMPLE.replace("SARAH", "SARAH\x00"), "upper case"),
        (EXAMPLE.replace("GARCIA", "GARC\u00cdA"), "upper case"),
        (EXAMPLE + "S76322X", "birth place"),
        (EXAMPLE + "S76322", "at least 5"),
        (EXAMPLE.replace("S4GARCIA-HAMMADI", "S4"), "at least 1"),
        (EXAMPLE.replace("S1277", "S1577"), "form of an INS"),
    ],
)
def test_what_does_not_fit_is_said(text: str, words: str) -> None:
    with pytest.raises(IdentityError, match=words):
        from_datamatrix(text, TODAY, test_identities=False)


@pytest.mark.parametrize(("matricule", "key"), [("2770101154003", 29), ("199072A004008", 2), ("199072B004008", 29)])
def test_keys_also_of_corsica(matricule: str, key: int) -> None:
    assert key_of(matricule) == key


@given(st.text(max_size=300))
def test_no_text_raises_anything_else(text: str) -> None:
    for whole in (text, HEADER + text, EXAMPLE + text):
        try:
            from_datamatrix(whole, TODAY, test_identities=True)
        except IdentityError:
            continue


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("birth_date", "21/01/1977"),
        ("birth_date", "2077-01-01"),
        ("birth_date", "19770121"),
        ("birth_date", "1977-W03-5"),
        ("birth_date", ""),
        ("sex", ""),
        ("sex", "X"),
        ("birth_name", "   "),
        ("given_names", "R2D2"),
    ],
)
def test_typed_traits_that_do_not_fit(field: str, value: str) -> None:
    typed = {"birth_name": "Durand", "given_names": "Anne", "birth_date": "1977-01-21", "sex": "F", field: value}
    with pytest.raises(IdentityError):
        from_typed(typed, TODAY)


def test_typed_names_of_real_people() -> None:
    typed = {"birth_name": "d'Ormesson-Le Goff", "given_names": "Zoé  Maëlys", "birth_date": "2026-10-31", "sex": "U"}
    traits = from_typed(typed, TODAY)
    assert (traits.birth_name, traits.given_names) == ("D'ORMESSON-LE GOFF", "ZOÉ MAËLYS")
