"""Facts of `appliance.records` as FHIR R4 resources. Pure: no clock, no network, no chance; the same in, the same out.

`bundles` is what the rest of the service uses: a result, a strike or a change of the consultation becomes one
`Bundle` of type `transaction`. What it contains is said in docs/protocol.md, section 1.
"""
