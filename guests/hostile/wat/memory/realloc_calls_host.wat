;; Calls the host while the host asks it for room.

(import "host" "log" (func $log (param i32 i32 i32)))
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (call $log (i32.const 0) (i32.const 2048) (i32.const 7))
  (i32.const 65536))
