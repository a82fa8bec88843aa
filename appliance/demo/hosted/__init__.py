"""A stand-in for the hosted platform: everything it does towards a unit and a viewer is said in docs/protocol.md."""
