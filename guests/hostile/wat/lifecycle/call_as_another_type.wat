;; Calls a function through a table as if it had another type.

(type $other (func (param f64 f64) (result i64)))
(table funcref (elem $victim))
(func $victim (param i32) (result i32) (local.get 0))
(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (drop (call_indirect (type $other) (f64.const 0) (f64.const 0) (i32.const 0)))
  (i32.const 3072))
