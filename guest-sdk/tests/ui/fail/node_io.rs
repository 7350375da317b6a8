use external_worker::prelude::*;

#[derive(Default)]
struct A;

#[external_worker(id = "a")]
impl A {
    #[node(
        inputs = [{"name": "mode"}, {"name": "mode", "hidden": 1}, {"type": "int"}, 3],
        outputs = [{"name": "a"}, {"name": "b"}],
        default_io_options = {"speed": {}, "mode": {"valueoptions": {}}},
        default_render_options = {"data": nothing},
    )]
    fn run(&self, mode: String) -> String {
        mode
    }
    #[node(outputs = [{"name": "a"}])]
    fn nothing(&self) {}
    #[node(inputs = [{"name": "x", "default": 1}])]
    fn twice(&self, #[default(2)] #[default(3)] x: i64, #[default] y: i64) {}
    #[node(inputs = {"name": "x"}, outputs = [{"name": "out", "value_options": 3}])]
    fn other(&self) -> i64 {
        1
    }
    #[node]
    fn case(&self) {}
    #[node]
    #[allow(non_snake_case)]
    fn CASE(&self) {}
}

fn main() {}
