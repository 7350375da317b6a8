;; Uses a handle that it was never given.

(import "host" "[method]node-class-handle.set-value-options" (func $set (param i32 i32 i32 i32 i32 i32)))
(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (call $set (i32.const 12345) (i32.const 2096) (i32.const 6) (i32.const 2064) (i32.const 17) (i32.const 4096))
  (i32.const 3072))
