//! The soak: a real host with 200 external workers, most of them no good, clients of every kind, and one fault after
//! the other. `cargo bench -p external-worker-tests --bench soak -- --minutes 60`; three minutes where nothing is said.
//!
//! Ends with an error where something was lost that a client was told is done, where a process has more and more memory
//! or descriptors, where a tenant is not served again or dies without being killed, and where the audit log is not whole.
//!
//! *Acknowledged* is what a command that changes something answered: such an answer waits for the disk. What an external
//! worker wrote into its folder counts once its call answered; what it only remembers is saved when it is ended well, and
//! so it is looked for after SIGTERM and not after SIGKILL.
//!
//! The clock of the wall cannot be set for one program alone: Linux has namespaces for the clocks that count from the
//! start of the machine only, and no library that lies about the time is among Debian's packages here. So the clocks that
//! jump are these: a process that is stopped for seconds finds that all its deadlines are over, and the host is
//! started again with a machine that has run for an hour, a month or a year longer, and then back.

mod builder;
mod clients;
mod crowd;
mod devices;
mod disk;
mod faults;
mod host;
mod keeper;
mod line;
mod memory;
mod random;
mod report;
mod rude;
mod stage;
#[allow(dead_code, reason = "other programs of this package use more of it")]
#[path = "../hostile/wire.rs"]
mod wire;
mod writer;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use clap::Parser;

use crowd::{Cast, SMALL_DISK, STEADY, TENANTS};
use devices::{Port, Service};
use disk::Disk;
use faults::{Injector, Machine};
use host::{Called, Host};
use line::Line;
use random::Random;
use stage::{LIMIT, LOOK, Stage};

const EWH: &str = env!("CARGO_BIN_EXE_ewh-under-test");
/// What was compiled in the last run: it takes minutes on a machine that does much else.
const COMPILED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/soak-cache");
/// What everything besides the soak itself may take.
const BESIDES: Duration = Duration::from_secs(1_800);
/// The end of the host.
const ENDS: Duration = LIMIT;

/// Options of the soak.
#[derive(Parser)]
struct Options {
    /// How long faults are injected
    #[arg(long, default_value_t = 3.0)]
    minutes: f64,
    /// Repeats the choices of another run
    #[arg(long)]
    seed: Option<u64>,
    /// The host under test
    #[arg(long, value_name = "FILE", default_value = EWH)]
    ewh: PathBuf,
    /// What cargo says to every program that measures
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let seed = options.seed.unwrap_or_else(now);
    let dir = tempfile::Builder::new().prefix("ewh-soak-").tempdir();
    let dir = dir.unwrap();
    println!(
        "soak of {} minutes, --seed {seed}, {} in {}",
        options.minutes,
        options.ewh.display(),
        dir.path().display()
    );
    let mounts_apart = disk::mounts_apart();
    let stage = Arc::new(Stage::new(&TENANTS));
    let lasts = Duration::from_secs_f64(options.minutes * 60.0);
    let is_done = watch_over(&stage, lasts + BESIDES);
    let called = Called {
        ewh: options.ewh,
        mounts_apart,
        dir: dir.path().to_owned(),
    };
    soak(&stage, called, lasts, seed);
    is_done.store(true, SeqCst);
    verdict(&stage, dir)
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// Ends everything where it goes on for too long, and says what was waited for.
fn watch_over(stage: &Arc<Stage>, limit: Duration) -> Arc<AtomicBool> {
    let is_done = Arc::new(AtomicBool::new(false));
    let (done, stage) = (Arc::clone(&is_done), Arc::clone(stage));
    std::thread::spawn(move || {
        while stage.begun.elapsed() < limit {
            sleep(LOOK);
        }
        if !done.load(SeqCst) {
            println!("IT HANGS, waiting for {}", stage.doing());
            host::send(libc::SIGKILL, stage.host.load(SeqCst));
            std::process::exit(1);
        }
    });
    is_done
}

fn soak(stage: &Arc<Stage>, called: Called, lasts: Duration, seed: u64) {
    let mut random = Random::new(seed);
    let Some(machine) = set_up(stage, called) else {
        return;
    };
    let service = machine.service.port;
    let Some(casts) = cast(stage, service) else {
        return;
    };
    let compiled = machine.called.data().join(STEADY).join("cache");
    crowd::copy_compiled(&compiled, Path::new(COMPILED));
    let size: usize = casts.iter().map(|cast| cast.size).sum();
    let took = stage.begun.elapsed().as_secs();
    println!(
        "{took:>6} s  {} tenants with {size} external workers",
        casts.len()
    );
    let mut injector = Injector {
        stage,
        casts: &casts,
        machine,
        random: random.apart(),
        longest_pause: Duration::from_secs(3) + lasts / 240,
    };
    std::thread::scope(|scope| {
        // Also where this thread panics: the others would go on for ever.
        let _over = Over(stage);
        scope.spawn(|| memory::watch(stage));
        scope.spawn(|| report::progress(stage));
        for (tenant, cast) in stage.tenants.iter().zip(&casts) {
            clients::begin(scope, stage, tenant, cast, &mut random);
        }
        let begin = Instant::now();
        injector.inject_until(begin + lasts / 2, begin + lasts);
        stage.does("the clients to end");
    });
    injector.all_serve_again();
    let (records, ended) = end(stage, &mut injector.machine);
    println!("the small disk: {}", injector.machine.disk.kind());
    report::print(stage, records, &ended);
}

/// Ends the work of all when it is dropped.
struct Over<'a>(&'a Stage);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// All that is there before the first client.
fn set_up(stage: &Arc<Stage>, called: Called) -> Option<Machine> {
    let mut service = Service::new(called.dir.join("redis"));
    if !service.start(stage) {
        return None;
    }
    let devices = called.dir.join("dev");
    std::fs::create_dir_all(&devices).unwrap();
    let disk = Disk::mount(called.data().join(SMALL_DISK), called.mounts_apart);
    let port = |name: &&str| Port::new(devices.join(name));
    let ports: Vec<_> = TENANTS.iter().map(port).collect();
    for (name, port) in TENANTS.iter().zip(&ports) {
        let data = called.data().join(name);
        crowd::prepare(&data, port.path(), service.port);
        crowd::copy_compiled(Path::new(COMPILED), &data.join("cache"));
    }
    faults::list_tenants(&called.dir);
    let host = Host::start(&called, stage, None);
    let are_served = || stage.tenants.iter().all(|it| it.place().is_some());
    let machine = Machine {
        called,
        host,
        ports,
        service,
        disk,
    };
    stage
        .until("all tenants to be served", LIMIT, are_served)
        .then_some(machine)
}

/// Has the external workers of all tenants made.
fn cast(stage: &Stage, service: u16) -> Option<Vec<Cast>> {
    stage.does("the external workers to be made");
    std::thread::scope(|scope| {
        let making = stage.tenants.iter().map(|tenant| {
            scope.spawn(move || {
                let mut line = Line::patient(stage, tenant);
                crowd::cast(&mut line, service)
            })
        });
        let making: Vec<_> = making.collect();
        making.into_iter().map(|it| it.join().ok()?).collect()
    })
}

/// Ends the host, and looks at what it leaves: the records of its audit log, and a sentence.
fn end(stage: &Stage, machine: &mut Machine) -> (u64, String) {
    for tenant in &stage.tenants {
        let (begins, made) = (tenant.begins.load(SeqCst), tenant.made_begin.load(SeqCst));
        if begins != made + 1 {
            let name = &tenant.name;
            stage.wrong(format_args!(
                "the process of {name} began {begins} times, and {made} times somebody made it begin again"
            ));
        }
    }
    let places: Vec<_> = stage.tenants.iter().filter_map(|it| it.place()).collect();
    let code = machine.host.end(libc::SIGTERM, ENDS, stage);
    if code != Some(0) {
        stage.wrong(format_args!("the host ended with {code:?} after SIGTERM"));
    }
    stage.until("the end of the tenants' processes", ENDS, || {
        !places.iter().any(|place| host::is_there(place.pid))
    });
    let (is_whole, records, why) = host::verify_audit(&machine.called);
    if !is_whole {
        stage.wrong(format_args!("the audit log is not whole: {}", why.trim()));
    }
    let said = std::fs::metadata(machine.called.said());
    let said = said.map_or(0, |said| said.len());
    (records, format!("the host said {said} bytes to people"))
}

fn verdict(stage: &Stage, dir: tempfile::TempDir) -> ExitCode {
    for halves in memory::halves(&stage::lock(&stage.series)) {
        if !halves.is_flat() {
            stage.wrong(format_args!("memory or descriptors grew: {halves:?}"));
        }
    }
    let wrong = stage.all_wrong();
    if wrong.is_empty() {
        println!("nothing that was acknowledged is lost, and memory is flat");
        return ExitCode::SUCCESS;
    }
    let kept: &Path = &dir.keep();
    println!(
        "{} things went wrong; {} is kept:",
        wrong.len(),
        kept.display()
    );
    for what in wrong.iter().take(40) {
        println!("  {what}");
    }
    ExitCode::FAILURE
}
