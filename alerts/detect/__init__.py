"""Rule kinds: pure functions of counts, settings and the moment; each module exports one SPEC."""

import importlib
import pkgutil
from collections.abc import Sequence

from alerts.detect.base import Rule, Signal, View
from config.settings import RuleSettings
from domain.spec import Spec

__all__ = ["Rule", "Signal", "View", "build_rule", "evaluate", "rule_specs"]


def rule_specs() -> dict[str, Spec]:
    """Return the SPEC of every rule module of this package by name, sorted."""
    found: dict[str, Spec] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda each: each.name):
        spec = getattr(importlib.import_module(f"{__name__}.{module.name}"), "SPEC", None)
        if isinstance(spec, Spec):
            found[spec.name] = spec
    return found


def build_rule(rule: RuleSettings) -> Rule:
    """Build the object that evaluates a rule of the settings.

    Raises:
        KeyError: No module announces the rule's kind; the settings loader has refused it before.
    """
    spec = rule_specs()[rule.kind]
    options = rule.options if rule.options is not None else spec.settings()
    built: Rule = spec.factory(options)
    return built


def evaluate(rule: Rule, settings: RuleSettings, view: View) -> Sequence[Signal]:
    """Look at one brand with one rule, unless the rule leaves the brand out."""
    if not settings.enabled or (settings.brands and view.brand not in settings.brands):
        return ()
    return rule.evaluate(settings, view)
