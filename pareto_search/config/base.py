"""What all settings share."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

LabelWeighting = Literal["equal", "spread"]


class Settings(BaseModel):
    """Base of all settings: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
