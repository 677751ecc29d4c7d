"""The FHIR endpoint and the intake routes, as Flask blueprints whose dependencies are arguments."""
