;; Jumps through a table of targets without end.

(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (local $n i32)
  (loop $ever
    (block $a (block $b (block $c
      (br_table $a $b $c (i32.rem_u (local.get $n) (i32.const 3))))))
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br $ever)) unreachable)
