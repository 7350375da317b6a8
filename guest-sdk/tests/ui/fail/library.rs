use external_worker::prelude::*;

#[node_library]
mod without_id {
    #[node]
    fn add(a: f64) -> f64 {
        a
    }
}

#[node_library(id = "1", color = "red")]
mod wrong_id {
    #[node]
    fn add(a: f64) -> f64 {
        a
    }
}

#[node_library(id = "empty")]
mod empty {
    fn add(a: f64) -> f64 {
        a
    }
}

#[node_library(id = "large")]
mod Large {
    #[node]
    fn add(a: f64) -> f64 {
        a
    }
}

#[node_library(id = "kinds")]
mod kinds {
    #[node(trigger_on_call = true)]
    fn triggers() {}

    #[node]
    fn generic<T>(a: T) -> T {
        a
    }

    mod deeper {
        #[node(tilte = "x")]
        fn option() {}
    }
}

#[node_library(id = "a_struct")]
struct Library;

fn main() {}
