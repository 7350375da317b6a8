use external_worker::prelude::*;

struct A;

#[external_worker(id = "a")]
impl A {
    fn start(&self, ctx: Context<()>) {}
    async fn r#loop(&mut self) {}
    fn update_config(&self, config: String) {}
    async fn get_nodeshelf(&self) -> Option<Shelf> {
        None
    }
    #[node]
    fn stop(self) {}
}

fn main() {}
