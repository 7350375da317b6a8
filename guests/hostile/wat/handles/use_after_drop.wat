;; Uses a handle that it dropped.

(import "host" "get-node-class" (func $get (param i32 i32 i32)))
(import "host" "[resource-drop]node-class-handle" (func $drop (param i32)))
(import "host" "[method]node-class-handle.set-value-options" (func $set (param i32 i32 i32 i32 i32 i32)))
(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (local $handle i32)
  (call $get (i32.const 2096) (i32.const 6) (i32.const 4096))
  (local.set $handle (i32.load (i32.const 4100)))
  (call $drop (local.get $handle))
  (call $set (local.get $handle) (i32.const 2096) (i32.const 6) (i32.const 2064) (i32.const 17) (i32.const 4096))
  (i32.const 3072))
