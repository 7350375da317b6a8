//! Answers with an array that has less than its shape says.

use crate::attack::*;

crate::attack! {
    async fn answer(_to: String) -> Result<Outputs> {
        let shape = vec![1_000_000];
        out(Value::Array(Ndarray { dtype: Dtype::F64, shape, data: vec![1; 8] }))
    }
}
