//! Answers with an array whose size overflows.

use crate::attack::*;

crate::attack! {
    async fn answer(_to: String) -> Result<Outputs> {
        let shape = vec![1 << 40, 1 << 40];
        out(Value::Array(Ndarray { dtype: Dtype::F64, shape, data: Vec::new() }))
    }
}
