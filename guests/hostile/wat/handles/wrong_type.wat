;; Uses the handle of a node class as one of a node.

(import "host" "get-node-class" (func $get (param i32 i32 i32)))
(import "host" "[method]node.id" (func $id (param i32 i32)))
(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (local $handle i32)
  (call $get (i32.const 2096) (i32.const 6) (i32.const 4096))
  (local.set $handle (i32.load (i32.const 4100)))
  (call $id (local.get $handle) (i32.const 4096))
  (i32.const 3072))
