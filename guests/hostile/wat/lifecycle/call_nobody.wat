;; Calls an empty place of a table.

(type $f (func))
(table 10 funcref)
(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (call_indirect (type $f) (i32.const 5))
  (i32.const 3072))
