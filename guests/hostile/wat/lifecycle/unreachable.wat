;; Comes to where it must not.

(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  unreachable
  (i32.const 3072))
