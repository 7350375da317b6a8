//! `ewh validate`: what is good is clean, and what is wrong is wrong in just the way that is reported.

pub(crate) mod bytes;
mod command;
mod crowd;
mod faulty;
mod ports;
pub(crate) mod puppet;
mod reports;
mod schemas;
mod scripts;
mod time;

pub(crate) use command::bomb;
use external_worker_artifacts::{
    BASIC, CACHE, EVERYTHING, FOLDER_WATCHER, PUMP, REDIS_CLIENT, THERMOMETER,
};
use external_worker_host::validate::finding::Finding;

const EXAMPLES: [&str; 7] = [
    BASIC,
    CACHE,
    EVERYTHING,
    FOLDER_WATCHER,
    PUMP,
    REDIS_CLIENT,
    THERMOMETER,
];

fn codes(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.code.name).collect()
}
