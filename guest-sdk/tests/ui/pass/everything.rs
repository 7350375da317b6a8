//! Every option, in one place and without the prelude.
#![deny(warnings)]

mod worker {
    type Answer<T> = std::result::Result<T, std::num::ParseIntError>;

    #[external_worker::config]
    #[derive(Clone, Debug)]
    pub struct Config {
        #[config(default = "a", min_length = 1, max_length = 9, pattern = "^[a-z]+$", title = "A")]
        pub text: String,
        #[config(default = Self::depth(), gt = 0, le = 10)]
        pub depth: u8,
        #[config(export = false)]
        pub token: Option<String>,
        #[config(default)]
        pub r#type: Vec<i64>,
    }

    impl Config {
        fn depth() -> u8 {
            3
        }
    }

    #[derive(external_worker::NodeEnum, Clone, Copy)]
    pub enum Mode {
        Fast,
        #[node_enum(value = "SAFE")]
        Safe,
    }

    pub struct All {
        depth: external_worker::State<u8>,
    }

    /// A worker.
    #[external_worker::external_worker(
        id = "all",
        title = "All",
        config = Config,
        export_exclude = ["token"],
        loop_delay_ms = 50,
        ui_schema = "{}",
    )]
    impl All {
        pub async fn start(ctx: external_worker::Context<Config>) -> external_worker::Result<Self> {
            Ok(Self { depth: ctx.config().depth.into() })
        }
        async fn r#loop(&self) -> external_worker::Result {
            external_worker::sleep(std::time::Duration::ZERO).await;
            Ok(())
        }
        fn update_config(&self) -> Result<(), String> {
            Ok(())
        }
        fn get_nodeshelf(&self) -> Option<external_worker::Shelf> {
            None
        }
        async fn stop(&self) {}
        async fn save(&self) -> Result<Vec<u8>, String> {
            Ok(vec![self.depth.get()])
        }
        fn restore(&self, state: Vec<u8>) -> external_worker::Result {
            self.depth.set(*state.first().ok_or("no depth")?);
            Ok(())
        }

        #[external_worker::node(
            name = "Pick one",
            description = "Picks.",
            inputs = [{"name": "item", "type": "str", "required": false}],
            outputs = [{"name": "picked"}],
            default_io_options = {"mode": {"value_options": {"options": ["fast", "SAFE"]}}},
            default_render_options = {"data": {"src": "picked", "type": "text"}},
            trigger_on_call = false,
        )]
        #[must_use]
        pub async fn pick<'a>(&'a self, item: &'a str, #[default(Mode::Safe)] mode: Mode) -> &'a str {
            match mode {
                Mode::Fast => item,
                Mode::Safe => item.trim(),
            }
        }
        #[node]
        fn count(&self) -> Answer<(i64, Option<String>)> {
            Ok(("1".parse()?, None))
        }
        #[cfg(any())]
        #[node]
        fn absent(&self, gone: Gone) -> Gone {
            gone
        }
        #[node]
        fn r#type(&self, r#in: Vec<u8>, items: &[f64]) -> usize {
            Self::TYPE.request_trigger();
            r#in.len() + items.len() + usize::from(self.depth.get())
        }
        #[node]
        fn nothing(&self) {}
    }

    external_worker::export!(
        All;
        state;
        requests: { serial: "reads the thermometer", sockets: "talks to \"Redis\"" },
    );
}

fn main() {}
