;; Answers with thousands of outputs, all of them the same 256 KiB of its memory.

(memory (export "memory") 64)
(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (local $at i32)
  ;; Each is a name, an empty one, and a text: a value is a case and, eight bytes on, its pointer and length.
  (local.set $at (i32.const 1048576))
  (loop $more
    (i32.store (local.get $at) (i32.const 0))
    (i32.store offset=4 (local.get $at) (i32.const 0))
    (i32.store offset=8 (local.get $at) (i32.const 4))
    (i32.store offset=16 (local.get $at) (i32.const 3145728))
    (i32.store offset=20 (local.get $at) (i32.const 262144))
    (local.set $at (i32.add (local.get $at) (i32.const 40)))
    (br_if $more (i32.lt_u (local.get $at) (i32.const 2097152))))
  (i32.store (i32.const 4096) (i32.const 0))
  (i32.store (i32.const 4100) (i32.const 1048576))
  (i32.store (i32.const 4104) (i32.const 20000))
  (i32.const 4096))
