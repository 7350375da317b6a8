;; Makes sets of waitables without end.

(import "$root" "[waitable-set-new]" (func $new (result i32)))
(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (loop $ever (drop (call $new)) (br $ever)) unreachable)
