//! Answers with booleans that are neither true nor false.

use crate::attack::*;

crate::attack! {
    async fn answer(_to: String) -> Result<Outputs> {
        out(Value::Array(Ndarray { dtype: Dtype::Boolean, shape: vec![2], data: vec![1, 7] }))
    }
}
