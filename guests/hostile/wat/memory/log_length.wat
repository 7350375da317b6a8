;; Logs two billion bytes.

(import "host" "log" (func $log (param i32 i32 i32)))
(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (call $log (i32.const 0) (i32.const 0) (i32.const 2147483647))
  (i32.const 3072))
