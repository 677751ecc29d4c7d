"""The Java peers that ours is judged by: a FHIR server, the HL7 validator, another converter."""
