"""Extensions of Griffe, which reads the source for the API pages: what the source says in ways of its own."""

import ast
from typing import Any

import griffe


class PublicNames(griffe.Extension):
    """Lets `pareto_search.run` stand for the function that `pareto_search.__getattr__` finds under that name."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Add what the table `_HOMES` of the package lists."""
        if "_HOMES" not in pkg.members:
            return
        for name, home in ast.literal_eval(str(pkg["_HOMES"].value)).items():
            pkg.set_member(name, griffe.Alias(name, f"{home}.{name}"))


class FieldDescriptions(griffe.Extension):
    """Makes the `description` of a pydantic field its docstring, and its default what it is without one."""

    def on_attribute_instance(self, *, node: ast.AST | griffe.ObjectNode, attr: griffe.Attribute, **_: Any) -> None:
        """Look for `name: type = Field(default, description=...)`."""
        match node:
            case ast.AnnAssign(value=ast.Call(func=ast.Name(id="Field"), args=arguments, keywords=keywords)):
                self._describe(attr, arguments, {word.arg: word.value for word in keywords if word.arg})

    def _describe(self, attr: griffe.Attribute, arguments: list[ast.expr], named: dict[str, ast.expr]) -> None:
        description = named.get("description")
        if attr.docstring is None and isinstance(description, ast.Constant):
            attr.docstring = griffe.Docstring(str(description.value), parent=attr)
        default = arguments[0] if arguments else named.get("default")
        attr.value = None if default is None else ast.unparse(default)
        match attr.annotation:  # A role of the setting says nothing to users.
            case griffe.ExprSubscript(left=griffe.ExprName(name="Annotated"), slice=griffe.ExprTuple(elements=parts)):
                attr.annotation = parts[0]
