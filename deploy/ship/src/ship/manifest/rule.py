"""Our own assertions, by their names. Each is a sentence that must hold for whatever an overlay renders."""

from collections.abc import Callable, Iterator

from ship.manifest import rule_network, rule_pod, rule_scale, rule_setting
from ship.manifest.contract import Contract
from ship.manifest.document import Manifest

Rule = Callable[[Manifest, Contract], Iterator[str]]

RULES: tuple[Rule, ...] = (
    rule_pod.namespace_is_restricted,
    rule_pod.containers_are_restricted,
    rule_pod.accounts_are_their_own_and_have_no_token,
    rule_pod.services_are_probed,
    rule_pod.resources_are_asked_for_and_bounded,
    rule_pod.pods_end_in_order,
    rule_pod.pods_are_spread_and_kept,
    rule_network.ports_meet,
    rule_network.probes_ask_ports_that_are_there,
    rule_network.ingress_shows_no_more_than_it_must,
    rule_network.nobody_speaks_unless_a_policy_says_so,
    rule_network.policies_name_both_ends,
    rule_network.services_reach_what_they_need,
    rule_network.monitoring_of_nats_is_for_keda_and_prometheus,
    rule_setting.every_service_is_there,
    rule_setting.variables_are_read,
    rule_setting.what_is_required_is_given,
    rule_setting.secrets_are_references,
    rule_setting.settings_that_are_named_are_there,
    rule_setting.files_are_mounted,
    rule_setting.images_have_a_version,
    rule_setting.migrate_carries_its_version,
    rule_scale.nobody_else_rules_how_many,
    rule_scale.requests_have_two_who_answer,
    rule_scale.platforms_scale_by_what_waits,
    rule_scale.the_monitoring_is_where_keda_asks,
)


def name_of(rule: Rule) -> str:
    return rule.__name__.replace("_", " ")


def faults(manifest: Manifest, contract: Contract) -> dict[str, list[str]]:
    """What each rule has to say; all are named, also those that are content."""
    return {name_of(rule): list(rule(manifest, contract)) for rule in RULES}
