;; Answers with a list of two billion outputs.

(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (i32.store (i32.const 4096) (i32.const 0))
  (i32.store (i32.const 4100) (i32.const 4200))
  (i32.store (i32.const 4104) (i32.const 2147483647))
  (i32.const 4096))
