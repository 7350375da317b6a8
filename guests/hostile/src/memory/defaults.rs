//! Sets the default of its class to the largest value, under a thousand names.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let class = raw::get_node_class("attack")?;
        let value = Value::Bytes(vec![1; 60_000]);
        let name = |n: u32| if n == 0 { "to".to_owned() } else { n.to_string() };
        let set = (0..1_000).filter(|n| class.set_default(&name(*n), Some(&value)).is_ok());
        Ok(set.count().to_string())
    }
}
