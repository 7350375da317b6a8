"""The configuration of an external worker."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel


class ExternalWorkerConfig(BaseModel):
    """What a worker can be told. Its JSON Schema makes the form.

    What `EXPORT_EXCLUDE_FIELDS` names, and every field with `json_schema_extra={"export": False}`, is left out of
    exports.
    """

    EXPORT_EXCLUDE_FIELDS: ClassVar[frozenset[str] | set[str]] = frozenset()

    @classmethod
    def export_exclude_fields(cls) -> set[str]:
        """The names of the fields that exports leave out."""
        marked = {
            name
            for name, info in cls.model_fields.items()
            if isinstance(info.json_schema_extra, dict) and info.json_schema_extra.get("export") is False
        }
        return set(cls.EXPORT_EXCLUDE_FIELDS) | marked

    def exportable_dict(self) -> dict[str, Any]:
        """The configuration as an export has it."""
        return self.model_dump(mode="json", exclude=self.export_exclude_fields())

    def form_data(self) -> dict[str, Any]:
        """The configuration as the form has it and the host keeps it, with its secrets."""
        dumped = self.model_dump(mode="json", by_alias=True)
        for name, info in type(self).model_fields.items():
            secret = getattr(getattr(self, name), "get_secret_value", None)
            if secret is not None:
                dumped[info.serialization_alias or info.alias or name] = secret()
        return dumped
