"""How the API's models read and print: camelCase outside, frozen inside."""

from __future__ import annotations

import decimal
from collections.abc import Mapping
from typing import Annotated, Any

import pydantic
from pydantic import alias_generators


class Model(pydantic.BaseModel):
    """A part of a resource.

    Unknown fields are ignored on reading, so that an object of a newer version can be read;
    the CRD's schema is what refuses them when they are written.
    """

    model_config = pydantic.ConfigDict(
        alias_generator=alias_generators.to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        coerce_numbers_to_str=True,
    )

    def dump(self) -> dict[str, Any]:
        """Return the camelCase dictionary without absent fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def rule(expression: str, message: str) -> dict[str, str]:
    """Return one CEL rule of a schema. The message says what to do."""
    return {"rule": expression, "message": message}


def rules(*each: dict[str, str]) -> dict[str, Any]:
    """Return the schema extension that carries CEL rules."""
    return {"x-kubernetes-validations": list(each)}


DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$"

_FACTORS: Mapping[str, decimal.Decimal] = {
    "": decimal.Decimal(1),
    "m": decimal.Decimal("0.001"),
    **{f"{unit}i": decimal.Decimal(1024) ** power for power, unit in enumerate("KMGT", start=1)},
    **{unit: decimal.Decimal(1000) ** power for power, unit in enumerate("kMGT", start=1)},
}

Name = Annotated[str, pydantic.Field(min_length=1, max_length=253)]
Quantity = Annotated[
    str,
    pydantic.Field(pattern=QUANTITY, max_length=32, json_schema_extra={"x-int-or-string": True}),
]


def amount(quantity: str) -> int:
    """Return a quantity in whole units, rounded up: bytes of a size."""
    number = quantity.rstrip("kKMGTim")
    exact = decimal.Decimal(number) * _FACTORS[quantity[len(number) :]]
    return int(exact.to_integral_value(rounding=decimal.ROUND_CEILING))
