;; Logs at a level that there is not.

(import "host" "log" (func $log (param i32 i32 i32)))
(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (call $log (i32.const 77) (i32.const 2048) (i32.const 7))
  (i32.const 3072))
