;; Blocks in an export that must not.

(import "timer" "sleep" (func $sleep (param i32)))
(func (export "worker#get-nodeshelf") (result i32)
  (call $sleep (i32.const 3600000))
  (i32.const 3072))
