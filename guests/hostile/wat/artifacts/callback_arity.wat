;; Has a callback that takes more than callbacks do.

(component
  (core module $m
    (func (export "f") (result i32) (i32.const 0))
    (func (export "callback") (param i32 i32 i32 i32 i64) (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (alias core export $i "callback" (core func $callback))
  (type $f (func async))
  (func $f (type $f) (canon lift (core func $i "f") async (callback $callback)))
  (export "f" (func $f)))
