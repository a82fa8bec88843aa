"""Devices: the instrument that measured (PhdDevice) and the unit that carried it on (PhgDevice), after HL7 PHD."""

from __future__ import annotations

import re
from uuid import uuid5

from appliance.platform.fhir.parts import THINGS, Sender, coding, concept, create, identifier, meta, update
from appliance.platform.fhir.terms import BLUETOOTH, CONTINUA, EUI64, MDC
from appliance.platform.fhir.text import Resource
from appliance.records.model import DeviceRef

SIMPLE_MDS, GATEWAY = 65573, 531981  # MDC_MOC_VMS_MDS_SIMP, MDC_MOC_VMS_MDS_AHD
FIRMWARE, SOFTWARE = 531976, 531975  # MDC_ID_PROD_SPEC_FW, MDC_ID_PROD_SPEC_SW
ADDRESS = re.compile(r"^ble:((?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{2}:){7}[0-9A-Fa-f]{2})$")


def instrument_uuid(device: DeviceRef) -> str:
    """One identity per instrument and firmware: what was measured before an update stays with the old firmware."""
    said = (device.key, device.manufacturer, device.model, device.serial, device.firmware, device.link)
    return str(uuid5(THINGS, "\x1f".join(part or "" for part in said)))


def instrument(device: DeviceRef, sender: Sender) -> Resource:
    """The entry of the measuring device."""
    uuid = instrument_uuid(device)
    body: Resource = {
        "resourceType": "Device",
        **meta(sender),
        "identifier": [identifier(uuid), *_address(device.link)],
        "status": "active",
        "deviceName": [{"name": device.name, "type": "user-friendly-name"}],
        "type": concept(coding(MDC, SIMPLE_MDS, "MDC_MOC_VMS_MDS_SIMP"), text=device.kind),
    }
    named = {"manufacturer": device.manufacturer, "modelNumber": device.model, "serialNumber": device.serial}
    body |= {field: value for field, value in named.items() if value}
    if device.firmware:
        body["version"] = [_version(FIRMWARE, "MDC_ID_PROD_SPEC_FW", device.firmware)]
    return create(uuid, body)


def unit(sender: Sender, *, change: bool = False) -> Resource:
    """The entry of the unit itself; `change` brings the stored one up to date (another software, another name)."""
    return (update if change else create)(
        sender.uuid,
        {
            "resourceType": "Device",
            **meta(sender),
            "identifier": [identifier(sender.uuid)],
            "status": "active",
            "manufacturer": "Chevet",
            "deviceName": [{"name": sender.name, "type": "user-friendly-name"}],
            "type": concept(coding(MDC, GATEWAY, "MDC_MOC_VMS_MDS_AHD")),
            "version": [_version(SOFTWARE, "MDC_ID_PROD_SPEC_SW", sender.software)],
        },
    )


def _version(code: int, name: str, value: str) -> Resource:
    return {"type": concept(coding(MDC, code, name)), "value": value}


def _address(link: str) -> list[Resource]:
    """The radio's address where the link has one: EUI-48 of Bluetooth, or EUI-64 (HL7 PHD, PhdDevice.identifier)."""
    found = ADDRESS.match(link)
    if found is None:
        return []
    value = found[1].upper().replace(":", "-")
    system, kind = (BLUETOOTH, "BTMAC") if len(value) == 17 else (EUI64, "SYSID")
    return [{"type": concept(coding(CONTINUA, kind)), "system": system, "value": value}]
