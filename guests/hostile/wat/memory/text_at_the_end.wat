;; Answers with a text that begins at the last address there is.

(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (i32.store (i32.const 4096) (i32.const 1))
  (i32.store (i32.const 4100) (i32.const 5))
  (i32.store (i32.const 4104) (i32.const -1))
  (i32.store (i32.const 4108) (i32.const 16))
  (i32.const 4096))
