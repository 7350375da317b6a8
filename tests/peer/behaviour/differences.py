"""Where a peer does not do what a case says, by the design's section 5: "where the Python code and the seed differ, do
this". One entry for each case; anything that is not here is a failure, and so is an entry that is no longer true.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """`peer` fails the case because of `line` of section 5, with `seen` in what it says; `why` is the reason."""

    line: str
    seen: str
    why: str
    peer: str = "python"


CONFIGURATION = "A failing update-config leaves the old config in force"
DISCOVERY = "Local discovery lists its classes, can instantiate them, reloads edits, survives restarts"
LOOP = "Loop errors: log once per burst, backoff, a client event, and `running` tells the truth"
OVERRIDE = "A later definition of a method wins over the inherited one"
SECRETS = "Secrets never appear in any export member, event, log line or error; saves keep them, mode 0600"
TRIGGER = "trigger_on_call = none triggers when the method has no visible inputs"

DIFFERENCES: dict[str, Difference] = {
    "config.a_failing_hook_leaves_the_old_configuration": Difference(
        CONFIGURATION,
        "the field: 13, not 3",
        "FuncNodes logs what the hook raises and goes on with the new values",
    ),
    "export.a_save_keeps_secrets": Difference(
        SECRETS,
        "'config': {'public': 'everybody', 'shown': 1}}",
        "the answer of get_save_state goes to clients; what is saved on disk has them (restart.secrets_are_kept)",
        peer="ewh",
    ),
    "loop.a_failing_loop_is_announced": Difference(
        LOOP, "it did not come", "FuncNodes writes it into its log only"
    ),
    "loop.a_failing_loop_waits_longer_each_time": Difference(
        LOOP, "as often as at first", "FuncNodes tries ten times a second"
    ),
    "triggers.no_inputs_trigger_on_call": Difference(
        TRIGGER, "the output out: 0, not 4", "each node of FuncNodes has a hidden input, which counts there"
    ),
    "inheritance.the_later_definition_wins": Difference(
        OVERRIDE, "what it gives: 'parent', not 'kid'", "FuncNodes takes the first definition that it finds"
    ),
    **{
        f"local.{name}": Difference(
            DISCOVERY, "is listed: False, not True", "FuncNodes lists no class of its folder"
        )
        for name in (
            "a_script_is_found",
            "its_class_makes_instances",
            "a_script_may_be_dropped_later",
            "a_script_may_be_in_a_subfolder",
            "a_broken_script_hides_no_other",
            "a_repaired_script_is_found",
            "an_edit_is_loaded",
            "an_edit_keeps_the_instance",
            "an_edit_brings_new_nodes",
            "a_broken_edit_leaves_the_old",
            "an_instance_of_a_script_survives_a_restart",
        )
    },
}
