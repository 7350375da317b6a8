//! A peristaltic pump on a serial line: what must not go on turning when nobody looks after it any more.
//!
//! A call that pumps switches the pump off on its way out, and so does the worker when it stops. What the pump does
//! is shown in the inputs of the nodes that command it, without triggering them.

mod line;

use external_worker::prelude::*;
use external_worker::serial::{self, Buffer, Parity, Port, Settings};

use line::{Direction, Turning};

/// Symbols per second.
const BAUD_RATE: u32 = 1200;
/// How long the pump may take to answer: a line takes a sixth of a second.
const ANSWERS: Duration = Duration::from_secs(1);
/// Lines that may come before the answer: those to commands that were given up.
const LATE_LINES: usize = 4;
/// Pause before it is tried again to switch the pump off.
const AGAIN: Duration = Duration::from_millis(250);
/// Pause between two readings.
const READING: Duration = Duration::from_secs(1);
/// Longest that `pump_for` pumps: its calls have a minute more, for the line.
const LONGEST: f64 = 540.0;
/// Fastest that the pump turns.
const FASTEST: f64 = 300.0;
/// Pause between two steps of progress.
const STEP: Duration = Duration::from_millis(250);

/// How the pump is reached.
#[config]
pub struct PumpConfig {
    /// even, as the pump has it, or none, for a line that has no parity, such as a simulated one.
    #[config(default = "even", pattern = "^(even|none)$")]
    parity: String,
    /// Times that it is tried to switch the pump off: as many as there is time for while the worker stops.
    #[config(default = 3, ge = 1, le = 60)]
    tries: u32,
}

/// The pump. One command at a time is on the line.
#[derive(Default)]
pub struct Pump {
    /// The name of the port to be used.
    name: State<Option<String>>,
    port: Lock<Option<Port>>,
    /// What the pump did when it was asked last.
    turning: State<Option<Turning>>,
    /// The ports that were offered last.
    offered: State<Vec<String>>,
}

#[external_worker(id = "pump", title = "Peristaltic pump", config = PumpConfig)]
impl Pump {
    /// Whoever wires it at once finds the ports.
    async fn start(context: Context<PumpConfig>) -> Result<Self> {
        let _ = context;
        let pump = Self::default();
        pump.offer_ports()?;
        Ok(pump)
    }

    async fn r#loop(&self) -> Result<()> {
        self.set_loop_delay(READING);
        self.offer_ports()?;
        if self.name.with(Option::is_some) {
            self.read().await?;
        }
        Ok(())
    }

    /// The next command opens the port as the configuration now says.
    async fn update_config(&self) {
        *self.port.lock().await = None;
    }

    /// Whatever switched it on, it is switched off.
    async fn stop(&self) -> Result<()> {
        match self.name.with(Option::is_some) {
            true => self.halt().await,
            false => Ok(()),
        }
    }

    /// Opens a port.
    #[node(default_io_options = {
        "port": { "does_trigger": false, "value_options": { "options": [] } }
    })]
    async fn connect(
        &self,
        /// One of the ports that the policy grants.
        port: String,
    ) -> Result<()> {
        let mut slot = self.port.lock().await;
        *slot = Some(self.open(&port).await?);
        self.name.set(Some(port));
        drop(slot);
        self.read().await
    }

    /// Switches the pump on or off, for as long as the worker runs.
    #[node(default_io_options = { "rpm": { "value_options": { "min": 0, "max": 300 } } })]
    async fn set(
        &self,
        #[default(false)] on: bool,
        #[default(Direction::Clockwise)] direction: Direction,
        /// Revolutions per minute.
        #[default(60.0)]
        rpm: f64,
    ) -> Result<()> {
        let wanted = turning(on, direction, rpm)?;
        self.ask(&wanted.command()).await?;
        self.read().await
    }

    /// What the pump did when it was asked last: on, direction, revolutions per minute.
    #[node(
        trigger_on_call = false,
        outputs = [{"name": "on"}, {"name": "direction"}, {"name": "rpm"}],
    )]
    fn state(&self) -> Result<(bool, String, f64)> {
        let Some(state) = self.turning.get() else {
            return Err(Error::unavailable("the pump has not answered yet"));
        };
        Ok((state.on, state.direction.value().to_owned(), state.rpm))
    }

    /// Pumps for so many seconds, and returns how many it were.
    #[node(timeout = "10min", default_io_options = {
        "seconds": { "does_trigger": false, "value_options": { "min": 0, "max": 540 } },
        "direction": { "does_trigger": false },
        "rpm": { "does_trigger": false, "value_options": { "min": 0, "max": 300 } }
    })]
    async fn pump_for(
        &self,
        call: Call,
        seconds: f64,
        #[default(Direction::Clockwise)] direction: Direction,
        /// Revolutions per minute.
        #[default(60.0)]
        rpm: f64,
    ) -> Result<f64> {
        if !(0.0..=LONGEST).contains(&seconds) {
            return Err(Error::invalid_input("seconds are between 0 and 540"));
        }
        let wanted = turning(true, direction, rpm)?;
        let pumped = State::new(Duration::ZERO);
        let pumping = async {
            self.ask(&wanted.command()).await?;
            let whole = Duration::from_secs_f64(seconds);
            while pumped.get() < whole {
                let fraction = pumped.get().as_secs_f64() / seconds;
                let text = format!("{:.0} of {seconds:.0} s", pumped.get().as_secs_f64());
                call.progress(fraction, &text);
                let step = STEP.min(whole - pumped.get());
                sleep(step).await;
                pumped.update(|pumped| *pumped += step);
            }
            Ok(())
        };
        call.clean_up_after(pumping, self.halt()).await?;
        Ok(pumped.get().as_secs_f64())
    }

    /// Switches the pump off, and tries again when that goes wrong: the line may have been garbled, or the port
    /// not be free yet.
    async fn halt(&self) -> Result<()> {
        for _ in 1..self.config().tries {
            if self.ask("HALT").await.is_ok() {
                return Ok(());
            }
            sleep(AGAIN).await;
        }
        self.ask("HALT").await.map(drop)
    }

    /// Offers the ports that are granted, to the nodes there are and to those yet to be made.
    fn offer_ports(&self) -> Result<()> {
        let names: Vec<_> = serial::ports().into_iter().map(|port| port.name).collect();
        if self.offered.with(|offered| *offered == names) {
            return Ok(());
        }
        let options = json!({ "options": names });
        for node in Self::CONNECT.nodes() {
            node.input("port").update_value_options(&options)?;
        }
        let class = Self::CONNECT.nodeclass();
        class.input("port").update_value_options(&options)?;
        self.offered.set(names);
        Ok(())
    }

    /// Asks the pump what it does, and shows that in the inputs of `set`.
    async fn read(&self) -> Result<()> {
        let turning = Turning::read(&self.ask("STATE").await?)?;
        if self.turning.replace(Some(turning)) == Some(turning) {
            return Ok(());
        }
        for node in Self::SET.nodes() {
            node.set_value("on", turning.on, Trigger::No)?;
            node.set_value("direction", turning.direction, Trigger::No)?;
            node.set_value("rpm", turning.rpm, Trigger::No)?;
        }
        let class = Self::SET.nodeclass();
        class.input("on").set_value(turning.on, Trigger::No)?;
        let direction = class.input("direction");
        direction.set_value(turning.direction, Trigger::No)?;
        class.input("rpm").set_value(turning.rpm, Trigger::No)
    }

    /// The answer to a command. Whoever gives up meanwhile, or fails, leaves the port closed, and the next command
    /// opens it again.
    async fn ask(&self, command: &str) -> Result<String> {
        let name = self.name.get();
        let name =
            name.ok_or_else(|| Error::unavailable("no port is open: run `connect` first"))?;
        let mut slot = self.port.lock().await;
        let port = match slot.take() {
            Some(port) => port,
            None => self.open(&name).await?,
        };
        port.clear(Buffer::Input).await?;
        let answer = exchange(&port, command).await?;
        *slot = Some(port);
        drop(slot);
        match answer.rsplit_once(" ERR ") {
            Some((_, problem)) => Err(Error::unavailable(format!("the pump says: {problem}"))),
            None => Ok(answer),
        }
    }

    async fn open(&self, name: &str) -> Result<Port> {
        let parity = match self.config().parity.as_str() {
            "none" => Parity::None,
            _ => Parity::Even,
        };
        let port = Port::open(name, Settings::new(BAUD_RATE).parity(parity)).await?;
        port.set_timeout(ANSWERS);
        Ok(port)
    }
}

/// What is wanted of the pump, if it can do that.
fn turning(on: bool, direction: Direction, rpm: f64) -> Result<Turning> {
    if !(0.0..=FASTEST).contains(&rpm) {
        return Err(Error::invalid_input("rpm is between 0 and 300"));
    }
    Ok(Turning { on, direction, rpm })
}

/// Says a command, and waits for the line that answers it.
async fn exchange(port: &Port, command: &str) -> Result<String> {
    port.write_all(&line::seal(command)).await?;
    let word = command.split(' ').next();
    for _ in 0..LATE_LINES {
        let heard = port.read_until(line::END, line::MAX_LINE).await?;
        let answer = line::open(&heard)?;
        if answer.split(' ').next() == word {
            return Ok(answer.to_owned());
        }
    }
    Err(Error::unavailable(format!("no answer to {command}")))
}

export!(Pump; requests: { serial: "commands the pump" });

#[cfg(test)]
mod tests {
    use external_worker::testing::{Bench, Line, Running};

    use super::line::seal;
    use super::*;

    /// A pump that is off, then on, then off.
    fn device() -> Line {
        Line::new()
            .answers(seal("STATE"), seal("STATE OFF CW 0"))
            .answers(seal("RUN CW 250"), seal("RUN OK"))
            .answers(seal("HALT"), seal("HALT OK"))
    }

    fn connected(device: Line) -> Running<Pump> {
        let bench = Bench::new();
        bench.serial("pump", device);
        let pump: Running<Pump> = bench.start(json!({})).unwrap();
        pump.turn().unwrap();
        pump.call("connect", json!({"port": "pump"})).unwrap();
        pump
    }

    fn halts(pump: &Running<Pump>) -> usize {
        let heard = pump.bench().heard("pump");
        let halt = seal("HALT");
        heard.windows(halt.len()).filter(|it| *it == halt).count()
    }

    fn for_a_minute() -> external_worker::serde_json::Value {
        json!({"seconds": 60.0, "rpm": 25.0})
    }

    #[test]
    fn ports_are_offered_and_the_state_is_shown_without_triggering() {
        let pump = connected(device());
        let offered = Some(json!({"options": ["pump"]}));
        assert_eq!(pump.input("connect", "port").value_options, offered);
        assert_eq!(pump.new_input("connect", "port").value_options, offered);
        let on = pump.input("set", "on");
        assert_eq!((on.value, on.triggers), (Some(json!(false)), false));
        assert_eq!(pump.new_input("set", "direction").value, Some(json!("CW")));
    }

    #[test]
    fn it_pumps_for_so_long_and_shows_how_far_it_is() {
        let pump = connected(device());
        let pumped = pump.call("pump_for", for_a_minute()).unwrap();
        assert_eq!(pumped.one::<f64>().unwrap(), 60.0);
        let progress = pump.bench().progress();
        assert_eq!(progress.first().unwrap(), &(0.0, "0 of 60 s".to_owned()));
        assert!(progress.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!((progress.len(), halts(&pump)), (240, 1));
        assert_eq!(pump.bench().not_understood("pump"), b"");
    }

    #[test]
    fn it_is_switched_off_when_the_call_is_cancelled_at_any_moment() {
        // The first of them is while the pump has not answered that it runs.
        for ms in [0, 50, 1_000, 59_999] {
            let answer = Duration::from_millis(100);
            let device = device()
                .answers(seal("RUN CW 250"), seal("RUN OK"))
                .after(answer);
            let pump = connected(device);
            let call = pump.begin("pump_for", for_a_minute()).unwrap();
            pump.run_for(Duration::from_millis(ms));
            call.cancel();
            call.finish().unwrap();
            assert_eq!(halts(&pump), 1, "{ms}");
        }
    }

    #[test]
    fn it_is_switched_off_when_the_worker_stops() {
        let pump = connected(device());
        let bench = pump.bench().clone();
        let call = pump.begin("pump_for", for_a_minute()).unwrap();
        pump.run_for(Duration::from_secs(5));
        pump.stop();
        drop(call);
        let heard = bench.heard("pump");
        assert!(heard.ends_with(&seal("HALT")), "{}", heard.escape_ascii());
        assert!(!bench.is_open("pump"));
    }

    #[test]
    fn switching_off_is_tried_twice() {
        let garbled = Line::new()
            .answers(seal("STATE"), seal("STATE OFF CW 0"))
            .answers(seal("RUN CW 250"), seal("RUN ERR RANGE"))
            .answers(seal("HALT"), "HALT OK*00\r")
            .answers(seal("HALT"), seal("HALT OK"));
        let pump = connected(garbled);
        let refused = pump.call("pump_for", for_a_minute()).unwrap_err();
        assert_eq!(refused.message(), "the pump says: RANGE");
        assert_eq!(halts(&pump), 2);
    }

    #[test]
    fn what_it_cannot_do_is_not_asked_of_it() {
        let pump = connected(device());
        for wrong in [
            json!({"seconds": -1.0}),
            json!({"seconds": 1.0, "rpm": 1000.0}),
        ] {
            pump.call("pump_for", wrong).unwrap_err();
        }
        assert_eq!(halts(&pump), 0);
    }
}
