"""Which call of which module an equation belongs to: the tree of calls, as the equations' name stacks tell it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shapelab.tracing.frames import module_calls
from shapelab.tracing.records import Call
from shapelab.tracing.scopes import ModuleFacts, calls_named


@dataclass(eq=False)
class CallNode:
    """One call of one module. Compared by identity.

    Attributes:
      calls: this call and those around it, outermost first; empty for the traced one.
      facts: what is known of the module, or None for the root of a plain function.
      mark: how the running trace numbered the call; where a cached program is used again it comes again.
    """

    calls: tuple[Call, ...]
    facts: ModuleFacts | None
    mark: str

    @property
    def path(self) -> str:
        """Attribute path of the module."""
        return self.calls[-1].path if self.calls else ""

    @property
    def is_layer(self) -> bool:
        """Whether all that happens in the call is one stage."""
        return self.facts is not None and self.facts.leaf


@dataclass
class CallTree:
    """The calls met so far.

    Attributes:
      modules: what is known of each module, by path.
    """

    modules: dict[str, ModuleFacts]
    _nodes: dict[Any, CallNode] = field(default_factory=dict)
    _stacks: dict[Any, tuple[Any, CallNode]] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with the traced module's own call."""
        self.root = CallNode((), self.modules.get(""), "1")

    def node_of(self, eqn: Any, around: CallNode, body: int) -> CallNode:
        """The innermost call that an equation belongs to.

        Args:
          eqn: the equation.
          around: the call in which the program that holds it runs; name stacks begin anew inside.
          body: which program: one that is used twice is two.
        """
        stack = eqn.source_info.name_stack
        known = self._stacks.get((id(stack), around, body))
        if known is not None:
            return known[1]
        marks = calls_named(str(stack))
        node = around
        for depth, (path, mark) in enumerate(marks):
            key = (node, body, path, mark)
            if key not in self._nodes:
                self._nodes[key] = self._new(eqn, node, path, mark, len(marks) - depth)
            node = self._nodes[key]
        self._stacks[id(stack), around, body] = (stack, node)  # the stack is kept, so that its id stays its own
        return node

    def _new(self, eqn: Any, around: CallNode, path: str, mark: str, from_inside: int) -> CallNode:
        if not path and around is self.root and self.root.mark == mark:
            return self.root
        self._numbers[path] = self._numbers.get(path, 0) + 1
        facts = self.modules.get(path)
        source = module_calls(eqn.source_info.traceback, from_inside)[-1]
        call = Call(path, self._numbers[path], facts.cls.__name__ if facts else "", source)
        return CallNode((*around.calls, call), facts, mark)
