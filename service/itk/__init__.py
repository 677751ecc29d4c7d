"""ITK3's acknowledgements: of receipt at once, and of what recipients say of the patient."""

from service.itk.answers import ItkAnswers, asked_of, is_itk3, require_recipient
from service.itk.business import BusinessAcknowledgements

__all__ = ["BusinessAcknowledgements", "ItkAnswers", "asked_of", "is_itk3", "require_recipient"]
