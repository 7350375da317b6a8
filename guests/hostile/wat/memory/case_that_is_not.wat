;; Answers with neither of the two cases of a result.

(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (i32.store (i32.const 4096) (i32.const 7))
  (i32.store (i32.const 4100) (i32.const 0))
  (i32.store (i32.const 4104) (i32.const 0))
  (i32.const 4096))
