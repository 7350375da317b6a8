//! What can be wrong with a component: a stable code for each, how bad it is, and the long form.

use schemars::JsonSchema;
use serde::Serialize;

use crate::engine::SourceLine;
use crate::limits;
use crate::text;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It runs, but its author should know.
    Warning,
    /// This host does not run it, or not as it is meant.
    Error,
}

impl Severity {
    /// Its name, as in machine-readable output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Its name, which does not change.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is, in a few words.
    pub title: &'static str,
    /// Why it matters and what to do, for `ewh explain`.
    pub explanation: &'static str,
}

macro_rules! codes {
    ($($constant:ident $severity:ident $name:literal $title:literal $explanation:literal)*) => {
        $(
            #[doc = $title]
            pub static $constant: Code = Code {
                name: $name,
                severity: Severity::$severity,
                title: $title,
                explanation: $explanation,
            };
        )*
        /// Every code, by name.
        pub static ALL: &[&Code] = &[$(&$constant),*];
    };
}

codes! {
    ABSOLUTE_PATH Warning "absolute-path" "A path of the machine that built it is in the component."
        "The text of a directory such as /home/somebody/… is in the component: it tells strangers who \
         built it and where, and the same source gives another component on another machine.\n\n\
         `ewh build` leaves such paths out. With another toolchain pass `--remap-path-prefix` to rustc \
         and strip the component."
    BAD_DEFAULT Error "bad-default" "The configuration that the schema's defaults make is not valid."
        "An instance that is added without a configuration gets the defaults of the schema. Here they do \
         not pass the schema, so no instance starts unless a person fills in every field that is wrong.\n\n\
         Give every required property a default that the schema accepts."
    BAD_DESCRIPTION Error "bad-description" "The description of a class is not well formed."
        "`describe` returned a class that this host cannot use: an id that is not an identifier, a name that \
         occurs twice, a type or an option that is not JSON, or more of something than is allowed. The \
         message says which.\n\nCorrect the description; the SDK makes it from the types."
    BAD_MANIFEST Error "bad-manifest" "The manifest is not well formed."
        "The custom section `external-worker:manifest` holds JSON with `version`, `name`, \
         `package-version` and `requests`. A host that cannot read it does not load the component.\n\n\
         Let `ewh build` or `ewh manifest` write it."
    BAD_OUTPUT Error "bad-output" "A method returned something that it does not declare."
        "Nodes downstream rely on the outputs that `describe` names and on their types. This method \
         returned other outputs, or a value that is not well formed.\n\nReturn what is declared, or declare \
         what is returned."
    BAD_PORT_DEFAULT Error "bad-port-default" "The default of an input is not of the input's type."
        "A node begins with the defaults of its inputs, as they are: nothing converts them. One that is not of the \
         declared type makes every run fail that nobody gave a value.\n\nGive a default of the type, or none."
    BAD_PORT_OPTIONS Error "bad-port-options" "The options of a port do not fit its type, each other or the default."
        "A form is made of them, and a graph refuses what they do not allow. With options that contradict each \
         other, or choices of another type, a person can enter nothing that is taken; a default that they do not \
         allow cannot be entered again.\n\nCorrect the options or the default. `min`, `max` and `step` are for \
         numbers; `options` is a list of values of the type, or an object with `values` and as many `keys`."
    BAD_RENDER_OPTIONS Warning "bad-render-options" "Something is to be shown in a way, or from a port, that is not there."
        "Render options tell the FuncNodes UI how to show a value. A renderer that it does not have is replaced by \
         one for JSON, and a node that is to show a port which it does not have shows nothing.\n\nName a renderer \
         of the UI and a port of the node. Where a plugin of the UI brings the renderer, leave it as it is."
    BAD_SHELF Error "bad-shelf" "`get-nodeshelf` returned shelves that are not well formed."
        "A shelf has to come after its parent, names must be unique and have no `/`, since they are parts of \
         paths, and nodes are described as methods are. The message says which rule is broken.\n\nCorrect what `get-nodeshelf` returns."
    CANNOT_LINK Error "cannot-link" "The component imports something that this host does not offer."
        "Besides its own interfaces this host offers WASI 0.2 and 0.3. The component imports another \
         interface or function, or one with other types, so it cannot be instantiated.\n\nBuild it \
         against the WIT of this host, in its folder `wit/`."
    CHECK_DIED Error "check-died" "The process that ran the component died."
        "The component was run in a process of its own, and that process crashed or was killed. No guest \
         should be able to do that.\n\nDo not run it. If the memory and the time of the check were not \
         just too small (`--memory`, `--cpu`), report it as a fault of this host."
    DEBUG_INFO Warning "debug-info" "The component carries debug information."
        "Sections such as `.debug_info` make a component several times as large, and often name files of \
         the machine that built it. They help during development: with them a trap names its line of the \
         source.\n\nStrip what you hand out: with `strip = true` in the `[profile.release]` of its \
         Cargo.toml."
    DESCRIBE_DIFFERS Error "describe-differs" "`describe` does not say the same thing twice."
        "Nodes are made from what `describe` says, and are expected to be the same after every start. \
         Here two calls in two fresh instances differ.\n\n`describe` has to be pure: no random numbers, \
         no time, no counters."
    DESCRIBE_FAILED Error "describe-failed" "`describe` traps or takes too long."
        "A host asks a component what it has before anything is granted. It has to answer quickly, with \
         every import denied.\n\nDo nothing in `describe` and in static initialisers that can fail."
    DIFFERS Warning "differs" "The same steps ended in another way the second time."
        "The host ran the same steps twice, with the same inputs and nothing of the world outside but chance: \
         the id of the instance, and with it the order of a hash map, was another one. One run of a step \
         succeeded, and the other failed. Such faults are hard to find later.\n\nLook for an order that is not \
         always the same, or for a choice that is made at random."
    DOES_NOT_COMPILE Error "does-not-compile" "The component passes validation but does not compile."
        "The compiler refused it: it uses a feature that this host has turned off, or is too large.\n\n\
         Build it for wasm32-wasip2 with the default features."
    EXPORTABLE_SECRET Warning "exportable-secret" "A field looks like a secret and is exported."
        "The name of a configuration field says password, token, secret or key, but neither its schema \
         says `\"export\": false` nor is it in `export_exclude`. Exports of the graph carry its value.\n\n\
         Mark it as not exported: with `#[config(export = false)]` at the field where the SDK makes the schema. Or \
         call it something else, if it is not secret."
    EXTRA_FUNCTION Warning "extra-function" "The worker interface has a function that is not in the world."
        "Nobody calls it. It may be of another version of the world.\n\nTake it out, or build against \
         the WIT of this host."
    INPUT_NOT_TAKEN Warning "input-not-taken" "A method refuses every value of the types that it declares."
        "The method was called with many values of the declared types, and each time it answered \
         `invalid-input`. Either an input is declared as another type than the code takes, or only a few \
         values mean something and nothing says which.\n\nDeclare the type that the code takes, or the \
         options of an input that has only a few. If it is as it should be, allow it with `--allow`."
    LIBRARY_CONFIG Warning "library-config" "A node library has a configuration, which nobody can set."
        "Of a node library each Worker keeps one instance by itself, with the defaults of the schema: there is no \
         form in which a person could change them.\n\nMake what differs an input of a node, or make it a class of \
         external workers."
    LIBRARY_STATE Warning "library-state" "A component of node libraries alone exports `state`."
        "A graph with nodes of a library computes the same wherever it is loaded, so nothing of a library is kept \
         when the Worker ends.\n\nLeave the export out, or make it a class of external workers."
    LITTLE_REACHED Warning "little-reached" "Less of it was reached than was asked for."
        "A method that never returned a value while the component ran was not tried, whatever else is \
         clean. Fewer methods returned one than `--min-reached` asks for; the report says which did not, \
         and why.\n\nLet methods answer something with simulated devices and the default configuration, or \
         exercise the component with scripts of its devices (`--devices DIR`) or with the real ones."
    LONG_CALLS_CUT Warning "long-calls-cut" "A node declares more time for its calls than the policy's cap."
        "A node may say how long its calls take at most. The policy has a cap for that, `call-deadline-cap-ms`, and \
         a call that is not through by then is asked to end.\n\nRaise the cap in the policy of whoever shall wait \
         so long, or declare less."
    LONG_CALLS_REFUSED Error "long-calls-refused" "A node declares more time for its calls than the policy allows."
        "The policy says `above-cap = \"refuse\"`: a component with a node that declares more time for its calls \
         than `call-deadline-cap-ms` is not loaded.\n\nRaise the cap, let the policy say `above-cap = \"cut\"`, or \
         declare less."
    LOOP_FAILS Warning "loop-fails" "Every turn of the loop fails."
        "The loop was turned a few times, and each turn ended with an error. The host waits longer after \
         each error, so the loop does next to nothing.\n\nLet the loop wait for what is not there yet, and \
         return an error only when something is wrong."
    MALFORMED Error "malformed" "The bytes are not valid WebAssembly."
        "The file is truncated or damaged, or was made by a tool with an error. The place is the offset \
         of the first byte that is wrong.\n\nTake an intact copy, or build it again."
    MEMORY_GROWS Warning "memory-grows" "It holds more and more memory."
        "The same turns or calls were made again and again, some hundreds or thousands of times, and the \
         memory of the instance went on growing. It will be ended when its budget is used up.\n\nDrop what is \
         not needed, or keep a history of bounded length."
    MISSING_EXPORT Error "missing-export" "The component does not export the worker interface."
        "An external worker exports the interface `worker` of `funcnodes:external-worker`. This component \
         is of another world, or of another version; or `export!` was forgotten, without which a crate that uses \
         the SDK exports nothing.\n\nWrite `external_worker::export!(YourWorker);` once in the crate, or begin with \
         one that `ewh new` makes."
    MISSING_FUNCTION Error "missing-function" "The worker interface lacks a function."
        "The world names every function that a worker has; the host calls all of them.\n\nImplement it; \
         the SDK has a default for each that may be left out."
    NO_MANIFEST Warning "no-manifest" "The component carries no manifest."
        "Without a manifest a component has no name and no version, and requests nothing: it gets no \
         capability, whatever the policy grants.\n\n`ewh build` adds one; `ewh manifest` adds one to a \
         component of another toolchain."
    NO_PROVENANCE Warning "no-provenance" "Nothing says what the component was built with."
        "Compilers write a `producers` section, which says what made the component and in which version. \
         Without one nobody can tell which fix is in it.\n\nDo not strip this section."
    NO_VERSION Warning "no-version" "The manifest gives no version."
        "Two files of the same name cannot be told apart, and an operator cannot say which one is in \
         use.\n\nGive the package a version."
    NOT_A_COMPONENT Error "not-a-component" "It is a core module, or not WebAssembly at all."
        "External workers are components: they say what they import and export in types that every \
         language knows. A core module does not.\n\nBuild for the target wasm32-wasip2, as `ewh build` \
         does, or make a component of it with `wasm-tools component new`."
    NOT_CHECKED Error "not-checked" "It could not be checked."
        "The file could not be read or fetched, or the check itself failed or was ended. The message says \
         why. Nothing is known of the part that was not checked.\n\nMend what the message names, and check it \
         again."
    NOT_FINISHED Warning "not-finished" "The time was up before everything was tried."
        "An exercise has a time limit, and it was used up. What was not tried is not known to be good; \
         the report says what was reached.\n\nGive it more time, or find out what takes so long: a method that \
         computes for seconds, or a wait without a limit."
    NOT_GRANTED Error "not-granted" "The policy does not grant what the component requests."
        "A component may do only what it requests and the policy grants. If the policy grants less \
         than the component requests, the host does not load it.\n\nAdd the grant to the policy, or use a \
         component that asks for less."
    NOT_REQUESTED Error "not-requested" "The component imports a capability that its manifest does not request."
        "An import that needs a capability is linked only when the manifest requests it, so that one \
         place shows what a component can do.\n\nAdd the request with its reason to the manifest."
    NOT_STARTED Warning "not-started" "It never started, so its methods were not tried."
        "`start` refused every configuration that was tried, with every simulated device. That may be \
         right: it may need its real device. But the check cannot say more about it.\n\nConnect in the loop \
         or at the first call instead of in `start`, or check it with a script of its device (`--devices DIR`), \
         or with `--devices real` and a policy that grants it."
    OTHER_VERSION Error "other-version" "The component was built for another version of the world."
        "The world `external-worker` has versions, and this host takes components of one of them. Version 0.2.0 \
         took the place of 0.1.0: `call` takes a record, `call-info`, that says which node calls; `set-value` says \
         whether it triggers; a node says how long a call may take, and a class whether it is a library; a value can \
         be media.\n\nBuild it with the SDK of this version."
    OVER_RATE Warning "over-rate" "It logs or emits more than its budget lets through."
        "A few turns and one call of each method were enough to use up the log lines or events that \
         one second allows. The host drops the rest.\n\nLog what changes instead of what is; \
         raise the budget only where all of it is needed."
    TOO_COSTLY Error "too-costly" "Compiling it takes more memory or time than it may."
        "Even a small file can make compiling very costly, so a process of its own compiles it, with \
         limits on memory and processor time. The component needed more.\n\nMake functions smaller; \
         for a component that is known, raise `--memory` or `--cpu`."
    TOO_LARGE Error "too-large" "The component is larger than a host reads."
        "A component is read into memory and compiled as a whole; beyond a limit it is not read at \
         all.\n\nBuild it in release mode and strip it; put data into files."
    TOO_MUCH Error "too-much" "The component declares more memories, tables or instances than it may have."
        "Each memory takes address space and each core instance takes host memory, whether it is used or \
         not. What a store may have is limited, and a component beyond it cannot be instantiated.\n\n\
         Link modules together, or take out what is not used."
    TOO_MUCH_MEMORY Error "too-much-memory" "The component needs more memory to begin than its budget has."
        "The memories and tables that it declares are larger, all together, than the budget `memory` of \
         the policy. It cannot be instantiated.\n\nRaise the budget, or make the initial memory smaller."
    TOO_SLOW Error "too-slow" "Something took longer than its deadline."
        "`start`, a call, a change of the configuration and `stop` each have a deadline in the budget. \
         After it the caller gets an error, and after the one of `stop` the instance is dropped without \
         having released anything.\n\nGive every wait for a device a time limit of its own, and let \
         `stop` wait for nothing."
    TRAPPED Error "trapped" "It trapped, or the host had to end it."
        "A trap ends the instance: whatever it held is lost, and every call that is under way fails. What \
         can be expected to go wrong, such as a wrong value or a device that answers nonsense, has to be \
         an error that is returned. The host also ends one that computes without a pause for longer than its \
         budget `cpu-spin-ms`.\n\nReturn an error instead of panicking. Wait where there is nothing to do, such as \
         with `sleep(..).await`, and split long work into turns."
    UNCHECKED_PATTERN Warning "unchecked-pattern" "A pattern of the configuration schema is not checked."
        "The host checks patterns with an engine that never backtracks, and within limits of size. It \
         has no look-ahead, look-behind or back-references. It cannot check the pattern that the \
         message names, or there is no room for it: values that do not match are accepted.\n\nWrite it in \
         other words, or check the value in the component. pydantic writes such a pattern for `Decimal`: \
         there is nothing to do about that one."
    UNKNOWN_EXCLUDE Warning "unknown-exclude" "`export_exclude` names a field that is not there."
        "A field is left out of exports by its name. The configuration has no field of this name, so the field \
         that was meant may be exported.\n\nCorrect the name."
    UNKNOWN_KEYWORD Warning "unknown-keyword" "A keyword of the configuration schema is not understood."
        "The schema decides what leaves a host. The host does not know this keyword, which may say that \
         something is a secret, so no export has anything that this keyword applies to.\n\n\
         Correct the keyword, or begin its name with `x-` if it is a note for somebody else."
    UNUSED_DEFAULT Warning "unused-default" "A default is declared where it has no meaning."
        "An input falls back to its default when it has no value. An output never does, and an input with a \
         default never waits for a value, so requiring one as well has no effect: one of the two is not \
         meant.\n\nTake out the default, or do not require the input."
    UNUSED_REQUEST Warning "unused-request" "The manifest requests a capability that nothing imports."
        "An operator is asked for more than the component can use.\n\nTake the request out."
    WRONG_TYPE Error "wrong-type" "A function has other types than in the world."
        "The host would call it with values that it does not understand.\n\nBuild against the WIT of \
         this host, in its folder `wit/`."
    WRONG_VALUE_TAKEN Warning "wrong-value-taken" "A method took a value that is not of its input's type."
        "Whoever calls a method of an instance directly can pass anything. This method accepted a value \
         of another type, or without an input that it requires, as if nothing were wrong.\n\nRefuse it \
         with `invalid-input`; the SDK does so by itself."
}

/// The code `name`.
pub fn by_name(name: &str) -> Option<&'static Code> {
    ALL.iter().find(|code| code.name == name).copied()
}

/// Something that is wrong with a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind it is.
    pub code: &'static Code,
    /// Where in the component: an export, a class, a method, an offset; empty: as a whole.
    pub place: String,
    /// The line of its source, where the component has debug information and it trapped there.
    pub source: Option<SourceLine>,
    /// What is wrong, in a sentence.
    pub problem: String,
    /// What to do about it, in a sentence.
    pub fix: String,
}

impl Finding {
    /// A finding about the component as a whole. What is in it may be the component's own words.
    pub fn new(code: &'static Code, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            code,
            place: String::new(),
            source: None,
            problem: text::clean(&problem.into(), limits::MAX_TEXT_BYTES),
            fix: text::clean(&fix.into(), limits::MAX_TEXT_BYTES),
        }
    }

    /// Where it is, to follow its code in a sentence: ` at …`, or nothing.
    pub fn at_place(&self) -> String {
        match (self.place.as_str(), &self.source) {
            ("", None) => String::new(),
            (place, None) => format!(" at {place}"),
            ("", Some(source)) => format!(" at {source}"),
            (place, Some(source)) => format!(" at {place}, {source}"),
        }
    }

    /// The line of the source, as a path in the author's own tree; `None`: it is somewhere else.
    pub fn own_source(&self) -> Option<&SourceLine> {
        let is_own = |source: &&SourceLine| {
            let mut parts = std::path::Path::new(&source.file).components();
            !source.file.is_empty()
                && !source.file.contains('\\')
                && parts.all(|part| matches!(part, std::path::Component::Normal(_)))
        };
        self.source.as_ref().filter(is_own)
    }

    /// The same at this line of its source.
    pub(crate) fn in_source(mut self, source: Option<SourceLine>) -> Self {
        self.source = source;
        self
    }

    /// The same at `place`.
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = text::clean_line(&place.into(), limits::MAX_TEXT_BYTES);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_kebab_case_and_explained() {
        let names: Vec<_> = ALL.iter().map(|code| code.name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted);
        for code in ALL {
            let is_kebab = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(code.name.chars().all(is_kebab), "{}", code.name);
            let parts = code.explanation.split("\n\n").count();
            assert_eq!(parts, 2, "{}: why, and what to do", code.name);
            assert_eq!(by_name(code.name), Some(*code));
        }
    }
}
