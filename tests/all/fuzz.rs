//! A slice of fuzzing in every test run: each target of `tests/fuzz` over its corpus and over mutations
//! of it, the same ones every time. What `tests/fuzz/run` finds in hours stays found here in seconds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

#[path = "../fuzz/targets/mod.rs"]
mod targets;

/// Longest input that is made up; those of the corpus may be longer.
const LONGEST: usize = 16 * 1024;

#[test]
fn component() {
    // Each that is well formed is compiled.
    slice("component", 1_000);
}

#[test]
fn config() {
    slice("config", 5_000);
}

#[test]
fn description() {
    slice("description", 20_000);
}

#[test]
fn import() {
    slice("import", 5_000);
}

#[test]
fn manifest() {
    slice("manifest", 20_000);
}

#[test]
fn messages() {
    slice("messages", 20_000);
}

#[test]
fn policy() {
    slice("policy", 5_000);
}

#[test]
fn serial() {
    slice("serial", 20_000);
}

#[test]
fn server() {
    // Each goes to a server and back, and what it changes to the disk.
    slice("server", 1_000);
}

#[test]
fn values() {
    slice("values", 20_000);
}

#[test]
fn every_target_is_fuzzed_both_ways_and_has_a_small_corpus() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut size = 0;
    for (name, _) in targets::ALL {
        assert!(
            manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")),
            "{name}"
        );
        let file = std::fs::read_to_string(root().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(
            file.contains(&format!("external_worker_fuzz::{name}(data)")),
            "{name}"
        );
        let corpus = corpus(name);
        assert!(corpus.len() >= 5, "{name}");
        size += corpus.iter().map(|(_, seed)| seed.len()).sum::<usize>();
    }
    assert_eq!(manifest.matches("[[bin]]").count(), targets::ALL.len());
    assert!(size < 1 << 20, "{size}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The seeds of a target, by their names.
fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(root().join("corpus").join(name)).unwrap();
    let mut seeds: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    seeds.sort();
    seeds
}

/// Tries the target `name` with its corpus and with `count` mutations of it.
fn slice(name: &str, count: u64) {
    let (_, target) = targets::ALL
        .iter()
        .find(|(target, _)| *target == name)
        .unwrap();
    let seeds = corpus(name);
    // Written before it is tried: what ends the process is there to be looked at.
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"));
    let attempt = |input: &[u8], which: &str| {
        std::fs::write(&kept, input).unwrap();
        if catch_unwind(AssertUnwindSafe(|| target(input))).is_err() {
            panic!(
                "{name} fails with {which}, kept in {}: {}\nin tests/fuzz/corpus/{name}/ it is tried first",
                kept.display(),
                input.escape_ascii()
            );
        }
    };
    for (seed, input) in &seeds {
        attempt(input, &format!("the seed {seed}"));
    }
    for number in 0..count {
        let input = Mutator::new(number).mutation(&seeds);
        attempt(&input, &format!("mutation {number}"));
    }
    std::fs::remove_file(&kept).unwrap();
}

/// Changes bytes as fuzzers do, the same way for the same number.
struct Mutator(u64);

impl Mutator {
    fn new(number: u64) -> Self {
        // Small numbers are far apart from the first step on, and 0 is not a state of a xorshift.
        Self(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// Small more often than large.
    fn length(&mut self) -> usize {
        let bits = self.below(10);
        self.below(1 << bits)
    }

    /// A seed with one to eight changes.
    fn mutation(&mut self, seeds: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut input = seeds[self.below(seeds.len())].1.clone();
        for _ in 0..=self.below(8) {
            let other = self.below(seeds.len());
            self.change(&mut input, &seeds[other].1);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, other: &[u8]) {
        /// What parsers trip over.
        const TOKENS: [&[u8]; 14] = [
            b"",
            b"\0",
            b"\xff\xff\xff\xff",
            b"\x7f",
            b"\x1b[2J",
            b"\xe2\x80\xae",
            b"\"",
            b"\\",
            b"{}",
            b"[",
            b"null",
            b"-1",
            b"1e999",
            b"../",
        ];
        let at = self.below(input.len() + 1);
        let end = (at + self.length()).min(input.len());
        match self.below(6) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.next() as u8,
            2 => drop(input.drain(at..end)),
            3 => {
                let copy = input[at..end].to_vec();
                let to = self.below(input.len() + 1);
                input.splice(to..to, copy);
            }
            4 => {
                let from = self.below(other.len() + 1);
                let length = self.length().min(other.len() - from);
                input.splice(at..end, other[from..from + length].iter().copied());
            }
            _ => {
                let token = TOKENS[self.below(TOKENS.len())];
                input.splice(at..at, token.iter().copied());
            }
        }
    }
}
