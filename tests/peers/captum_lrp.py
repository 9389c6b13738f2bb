"""LRP of captum, whose rules are attributes of the layers, as rules by the names of layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from captum.attr._utils import lrp_rules

import xai
from tests.peers.captum_call import NotSaid, Said, layer_name

__all__ = ["lrp"]

LRP_RULES = {"EpsilonRule": "epsilon", "GammaRule": "gamma", "Alpha1_Beta0_Rule": "zplus"}


def lrp(layer: bool) -> Callable[[Any, Said, dict[str, Any]], Any]:
    """Return what stands for LRP, of the input or of a layer."""

    def answer(made: Any, said: Said, asked: dict[str, Any]) -> Any:
        network = made.model if hasattr(made, "model") else made.forward_func
        rules, gammas = {}, set()
        for name, module in network.named_modules():
            own = getattr(module, "rule", None)
            rule = type(own).__name__
            if rule in LRP_RULES and hasattr(module, "weight"):
                rules[name] = LRP_RULES[rule]
                gammas |= {own.gamma} if rule == "GammaRule" else set()
            elif isinstance(own, lrp_rules.PropagationRule) and rule != "EpsilonRule":
                raise NotSaid(f"LRP's {rule}")
        if len(gammas) > 1:
            raise NotSaid("LRP with several gammas")
        settings: dict[str, Any] = {"rule": "epsilon", "rules": rules or None, "epsilon": 1e-9}
        settings |= {"gamma": gammas.pop()} if gammas else {}
        if layer:
            settings["layer"] = layer_name(made)
        values = xai.lrp(said.model, said.batch, said.target, **settings).values
        return values if layer else said.given_back(values)

    return answer
