;; Answers with an error code that there is not.

(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (i32.store (i32.const 4096) (i32.const 1))
  (i32.store (i32.const 4100) (i32.const 99))
  (i32.store (i32.const 4104) (i32.const 2048))
  (i32.store (i32.const 4108) (i32.const 7))
  (i32.const 4096))
