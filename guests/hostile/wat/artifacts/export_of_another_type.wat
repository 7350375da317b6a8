;; Exports functions under the right names and with wrong types.

(component
  (core module $m (func (export "f") (result i32) (i32.const 0)) )
  (core instance $i (instantiate $m))
  (func $f (result u32) (canon lift (core func $i "f")))
  (instance $w (export "describe" (func $f)) (export "start" (func $f)) (export "loop" (func $f)) (export "update-config" (func $f)) (export "get-nodeshelf" (func $f)) (export "call" (func $f)) (export "cancel" (func $f)) (export "stop" (func $f)))
  (export "funcnodes:external-worker/worker@0.2.0" (instance $w)))
