//! The table: of each command what it takes to be allowed it, whether its answer waits for the disk, in which order it
//! is done, and by what.
//!
//! The role does not follow from the kind, which only says what an answer waits for: what triggers a node or ends the
//! Worker waits for no disk. A viewer is allowed what has no effect and shows no secret; the form of a configuration
//! has its secrets in it, and an export what guests have written. What ends the whole Worker is its owner's.

use external_worker_control::Role::{Author, Owner, Viewer};

use super::{
    Command, beside, change, edges, groups, instances, lane, library, modules, nodes, read, state,
    values,
};
use crate::server::replies::Kind;

/// All commands, by their names.
pub fn table() -> [Command; 58] {
    [
        change("add_edge", Author, edges::add),
        beside(
            "add_external_worker",
            Author,
            Kind::Change,
            lane::none,
            instances::add,
        ),
        change("add_node", Author, nodes::add),
        beside(
            "add_package_dependency",
            Author,
            Kind::Change,
            lane::name,
            modules::add,
        ),
        read("add_shelf", Author, library::add_shelf),
        change("clear", Author, nodes::clear),
        beside(
            "export_worker",
            Author,
            Kind::Read,
            lane::state,
            state::export,
        ),
        read("full_state", Viewer, state::full),
        beside(
            "get_available_modules",
            Viewer,
            Kind::Read,
            lane::none,
            modules::available,
        ),
        read("get_config", Viewer, state::config),
        read("get_edges", Viewer, edges::all),
        beside(
            "get_external_worker_config",
            Author,
            Kind::Read,
            lane::instance,
            instances::config,
        ),
        read("get_groups", Viewer, groups::all),
        read("get_io_full_value", Viewer, values::get_whole),
        read("get_io_value", Viewer, values::get),
        read("get_ios_values", Viewer, values::get_all),
        read("get_library", Viewer, library::get),
        read("get_meta", Viewer, state::meta),
        read("get_node", Viewer, nodes::get_by_id),
        read("get_node_state", Viewer, nodes::get),
        read("get_node_status", Viewer, nodes::status),
        read("get_nodes", Viewer, nodes::all),
        read("get_plugin", Viewer, library::plugin),
        read("get_plugin_keys", Viewer, library::plugin_keys),
        read("get_runstate", Viewer, state::run_state),
        beside(
            "get_save_state",
            Viewer,
            Kind::Read,
            lane::state,
            state::save_state,
        ),
        read("get_worker_dependencies", Viewer, instances::all),
        change("group_nodes", Author, groups::group),
        read("heartbeat", Viewer, state::heartbeat),
        beside("load_data", Author, Kind::Change, lane::state, state::load),
        read("name", Viewer, state::name),
        beside(
            "pause_external_worker",
            Author,
            Kind::Change,
            lane::instance,
            instances::pause,
        ),
        change("remove_edge", Author, edges::remove),
        beside(
            "remove_external_worker",
            Author,
            Kind::Change,
            lane::instance,
            instances::remove,
        ),
        change("remove_group", Author, groups::remove),
        change("remove_node", Author, nodes::remove),
        beside(
            "remove_package_dependency",
            Author,
            Kind::Change,
            lane::name,
            modules::remove,
        ),
        read("remove_shelf", Author, library::remove_shelf),
        read("request_trigger", Author, nodes::trigger),
        beside(
            "restart_external_worker",
            Author,
            Kind::Change,
            lane::instance,
            instances::restart,
        ),
        beside(
            "resume_external_worker",
            Author,
            Kind::Change,
            lane::instance,
            instances::resume,
        ),
        beside("save", Author, Kind::Change, lane::state, state::save),
        change("set_default_value", Author, values::set_default),
        change("set_io_value", Author, values::set),
        read("stop_worker", Owner, state::stop),
        read("trigger_node", Author, nodes::trigger),
        beside("update", Author, Kind::Change, lane::state, state::update),
        beside(
            "update_external_worker",
            Author,
            Kind::Change,
            lane::instance,
            instances::update,
        ),
        beside(
            "update_from_export",
            Author,
            Kind::Change,
            lane::state,
            state::import,
        ),
        change("update_group", Author, groups::update),
        change("update_io_options", Author, values::update_io),
        change("update_io_value_options", Author, values::update_options),
        change("update_node", Author, nodes::update),
        change("update_node_view", Author, nodes::update_view),
        read("update_worker_config", Author, state::update_config),
        beside("upload", Author, Kind::Change, lane::none, state::upload),
        read("uuid", Viewer, state::uuid),
        read("view_state", Viewer, state::view),
    ]
}
