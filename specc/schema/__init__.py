"""The JSON Schema of a spec, made from catalog and kinds, and what a tree has against it."""

from specc.schema.complaints import Complaint, call_complaints, complaints
from specc.schema.document import document

__all__ = ["Complaint", "call_complaints", "complaints", "document"]
