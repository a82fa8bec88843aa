"""The technical conditions that a device can report: one table, code -> sentence."""
# ruff: noqa: RUF001 - French and English are written with their own apostrophe

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sentence:
    """What the nurse reads."""

    en: str
    fr: str


NOTICES: dict[str, Sentence] = {
    "measurement-failed": Sentence("The measurement failed.", "La mesure a échoué."),
    "measurement-ongoing": Sentence("The measurement is not finished.", "La mesure n’est pas terminée."),
    "implausible": Sentence(
        "These values cannot be a patient’s.", "Ces valeurs ne peuvent pas être celles d’un patient."
    ),
    "clock-not-set": Sentence("The device’s clock is not set.", "L’horloge de l’appareil n’est pas réglée."),
    "battery-low": Sentence("The device’s battery is low.", "La batterie de l’appareil est faible."),
    "device-fault": Sentence("The device reports a fault.", "L’appareil signale une panne."),
    "calibrating": Sentence("The device is calibrating.", "L’appareil s’étalonne."),
    "demonstration-data": Sentence(
        "The device sends demonstration data.", "L’appareil envoie des données de démonstration."
    ),
    # cuffs
    "body-moved": Sentence("The patient moved.", "Le patient a bougé."),
    "cuff-loose": Sentence("The cuff is too loose.", "Le brassard est trop lâche."),
    "cuff-locked": Sentence(
        "The cuff does not know this unit: hold its Bluetooth button until P blinks.",
        "Le brassard ne reconnaît pas cette unité : maintenez son bouton Bluetooth jusqu’à ce que P clignote.",
    ),
    "position-wrong": Sentence("The cuff is not at heart height.", "Le brassard n’est pas à la hauteur du cœur."),
    "pulse-irregular": Sentence("The pulse is irregular.", "Le pouls est irrégulier."),
    "pulse-above-range": Sentence("The pulse is above the device’s range.", "Le pouls dépasse la plage de l’appareil."),
    "pulse-below-range": Sentence(
        "The pulse is below the device’s range.", "Le pouls est sous la plage de l’appareil."
    ),
    # oximeters and heart-rate sensors
    "sensor-off": Sentence("The sensor is not on the patient.", "Le capteur n’est pas sur le patient."),
    "sensor-unplugged": Sentence("The sensor is unplugged.", "Le capteur est débranché."),
    "sensor-fault": Sentence("The sensor is defective.", "Le capteur est défectueux."),
    "sensor-unknown": Sentence("The device does not know this sensor.", "L’appareil ne reconnaît pas ce capteur."),
    "sensor-displaced": Sentence("The sensor has slipped.", "Le capteur a glissé."),
    "no-finger": Sentence("There is no finger in the sensor.", "Il n’y a pas de doigt dans le capteur."),
    "searching": Sentence("The device is searching for the pulse.", "L’appareil cherche le pouls."),
    "no-pulse": Sentence("The device finds no pulse.", "L’appareil ne trouve pas de pouls."),
    "low-perfusion": Sentence("The perfusion is low.", "La perfusion est faible."),
    "signal-poor": Sentence("The signal is poor.", "Le signal est de mauvaise qualité."),
    "signal-erratic": Sentence("The signal is disturbed.", "Le signal est perturbé."),
    "interference": Sentence("Something disturbs the sensor.", "Quelque chose perturbe le capteur."),
    "ambient-light": Sentence("There is too much light on the sensor.", "Il y a trop de lumière sur le capteur."),
    "pulse-questionable": Sentence("The pulse is doubtful.", "Le pouls est douteux."),
    "value-held": Sentence("The values shown are not updated.", "Les valeurs affichées ne sont pas à jour."),
    "early-estimate": Sentence("The values are an early estimate.", "Les valeurs sont une première estimation."),
    "saturation-falling": Sentence("The device reports a falling saturation.", "L’appareil signale une désaturation."),
    # glucose meters
    "control-solution": Sentence("This was a control solution.", "C’était une solution de contrôle."),
    "ketone-not-glucose": Sentence(
        "This is a ketone value, not a glucose value.", "C’est une cétonémie, pas une glycémie."
    ),
    "sample-too-small": Sentence("There was not enough blood.", "Il n’y avait pas assez de sang."),
    "strip-fault": Sentence("The strip is wrong or badly inserted.", "La bandelette est inadaptée ou mal insérée."),
    "value-above-range": Sentence(
        "The value is above the device’s range.", "La valeur dépasse la plage de l’appareil."
    ),
    "value-below-range": Sentence(
        "The value is below the device’s range.", "La valeur est sous la plage de l’appareil."
    ),
    "too-warm": Sentence("The device is too warm.", "L’appareil est trop chaud."),
    "too-cold": Sentence("The device is too cold.", "L’appareil est trop froid."),
    # scales
    "overload": Sentence("The load is too heavy for the scale.", "La charge est trop lourde pour la balance."),
    "consent-refused": Sentence(
        "The scale refuses the user code of this unit.", "La balance refuse le code utilisateur de cette unité."
    ),
    "unstable": Sentence("The scale is not steady.", "La balance n’est pas stable."),
}
