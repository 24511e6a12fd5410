"""The families of potentials by name, and the type of a setting that holds an architecture of any of them."""

from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny

from pareto_search.config.architecture import Architecture, imported

_HIPPYNN = "pareto_search.config.hipnn:HipnnArchitecture"
#: Import paths of the architectures of this package's families; one of a user's own is named by its path.
FAMILIES = {"hipnn": _HIPPYNN, "hiphop": _HIPPYNN}
DEFAULT_FAMILY = "hipnn"


def family_named(name: str) -> type[Architecture]:
    """The architecture of a family.

    Raises:
        ValueError: If there is none of that name.
    """
    path = FAMILIES.get(name, str(name))
    if ":" not in path:
        raise ValueError(f"no family {name!r}; there are {', '.join(FAMILIES)}, and module:Class for one of your own")
    found = imported(path)
    if not (isinstance(found, type) and issubclass(found, Architecture)):
        raise ValueError(f"{name} is no Architecture; subclass pareto_search.config.Architecture")
    return found


def parse_architecture(values: Any) -> Architecture:
    """An architecture from its plain values, of the family they name.

    Args:
        values: Hyperparameters and `family`, by default HIPNN's; an architecture is returned as it is.

    Raises:
        pydantic.ValidationError: If they break a rule of the family.
        ValueError: If there is no such family.
    """
    if isinstance(values, Architecture):
        return values
    if not isinstance(values, dict):
        raise ValueError("an architecture is given as name: value, for instance n_features: 24")
    return family_named(values.get("family", DEFAULT_FAMILY)).model_validate(values)


#: A setting that holds an architecture of any family.
AnyArchitecture = Annotated[SerializeAsAny[Architecture], BeforeValidator(parse_architecture)]
